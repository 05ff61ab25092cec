/** `npm run long -- ingest-kills` in small: five kills, a tiny model. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { encodeTinyLlama } from '../../src/main/formats/testing/index.ts';
import { testData } from '../../e2e/harness.ts';
import { writeCorpus } from './corpus.ts';
import { disturbed, randoms, undisturbed } from './kill-runs.ts';
import { problemsOf } from './verdict.ts';

const folder = mkdtempSync(join(tmpdir(), 'longleaf-ingest-kills-'));
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));

it('killed at random moments, `library add` goes on, and ends as if undisturbed', async () => {
  const files = join(folder, 'files');
  await writeCorpus(files, { files: 100, zipped: 20, maxSampleBytes: 170_000 }, testData);
  const model = join(folder, 'tiny.gguf');
  writeFileSync(model, encodeTinyLlama());
  const task = { files, model, folder };
  const fresh = await undisturbed(task, 'undisturbed');
  expect(problemsOf({ ...fresh, killedAfter: [], storedAt: [], integrity: [] }, fresh)).toEqual([]);
  expect(fresh.content).toMatchObject({ integrity: 'ok', rows: { jobs: 1 } });

  const random = randoms(5);
  const kills: number[] = [];
  const stored: number[] = [];
  for (let round = 1; kills.length < 5; round++) {
    // the first third of a run is the start of the process
    const delay = (): number => fresh.seconds * (0.3 + 0.5 * random());
    const killed = await disturbed(task, `round-${String(round)}`, 5 - kills.length, delay);
    expect(problemsOf(killed, fresh)).toEqual([]);
    kills.push(...killed.killedAfter);
    stored.push(...killed.storedAt);
  }
  // some struck in the middle of the work
  expect(stored.some((documents) => documents > 0)).toBe(true);
});
