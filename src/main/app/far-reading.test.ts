import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { measuredFarReading, saveFarReading, type FarReading } from './far-reading.ts';

const folder = mkdtempSync(join(tmpdir(), 'longleaf-far-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const measured: FarReading = {
  passed: true,
  measure: 'm',
  difference: 0.2,
  interval95: [0.1, 0.3],
  facts: 24,
  overall: { difference: 0.2, interval95: [0.1, 0.3], facts: 28 },
  conditions: 'c',
};

it('a measurement is found again by the hash of model and adapter, beside others', async () => {
  expect(await measuredFarReading(folder, 'a')).toBeNull();
  await saveFarReading(folder, 'a', measured);
  await saveFarReading(folder, 'b', { ...measured, passed: false });
  expect(await measuredFarReading(folder, 'a')).toEqual(measured);
  expect((await measuredFarReading(folder, 'b'))?.passed).toBe(false);
  expect(readdirSync(join(folder, 'models'))).toEqual(['far-reading.json']);
});

it('a damaged file holds nothing, and is replaced by the next measurement', async () => {
  writeFileSync(join(folder, 'models', 'far-reading.json'), '{"a": 3');
  expect(await measuredFarReading(folder, 'a')).toBeNull();
  await saveFarReading(folder, 'c', measured);
  expect(await measuredFarReading(folder, 'c')).toEqual(measured);
});
