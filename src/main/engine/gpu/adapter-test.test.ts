import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findingsOf, quicker } from './adapter-test.ts';
import { parseNvidia } from './device-memory.ts';
import { Device } from './device.ts';
import { environmentOptions } from './environment-options.ts';
import type { MatmulPipelines, MatmulVariant } from './kernels/index.ts';
import { Kernels } from './kernels/index.ts';
import { productFault } from './product-test.ts';
import {
  skippedWithoutAdapters,
  skipWithoutAdapters,
  softwareAdapters,
} from './testing/software-adapters.ts';

describe.skipIf(skipWithoutAdapters)(`the test of an adapter${skippedWithoutAdapters}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'longleaf-adapter-'));
  const file = join(folder, 'gpu.json');
  let device: Device;
  beforeAll(async () => {
    device = await Device.open(softwareAdapters.lavapipe);
  });
  afterAll(() => {
    device.release();
    rmSync(folder, { recursive: true, force: true });
  });

  it('finds lavapipe right, and is not done twice for the same adapter and driver', async () => {
    const found = await findingsOf(device, folder);
    expect(found).toMatchObject({ wrong: null, arithmetic: 'f32' });
    expect(found.copySpeed).toBeGreaterThan(0);
    const kept = JSON.parse(readFileSync(file, 'utf8')) as Record<string, object>;
    const [[key, findings]] = Object.entries(kept);
    expect(key).toContain(device.driver);
    writeFileSync(file, JSON.stringify({ [key]: { ...findings, copySpeed: 12_345 } }));
    expect((await findingsOf(device, folder)).copySpeed).toBe(12_345);
  });

  it('is done again when the file is damaged', async () => {
    writeFileSync(file, '{"half');
    expect(await findingsOf(device, folder)).toMatchObject({ wrong: null });
  });

  it('passes the integer kernels', async () => {
    const kernels = new Kernels(device.gpu, { tiled: false, arithmetic: 'int8' });
    expect(await productFault(device, kernels)).toBeNull();
  });

  it('names a driver that multiplies wrongly', async () => {
    // unpacks Q8_0 as if it were Q4_0: stands for a driver whose products are off
    class WrongKernels extends Kernels {
      override matmul(variant: MatmulVariant, outputs: number): Promise<MatmulPipelines> {
        return super.matmul({ ...variant, type: 'Q4_0' }, outputs);
      }
    }
    const kernels = new WrongKernels(device.gpu, { tiled: false });
    expect(await productFault(device, kernels)).toMatch(/^products in f32 are off by /);
  });
});

describe('the choice of an arithmetic', () => {
  it.each([
    ['clearly quicker for many rows, as quick for one', { one: 1, many: 5 }, 'int8'],
    ['hardly quicker', { one: 1, many: 9 }, 'f32'],
    ['slower for one row', { one: 1.2, many: 5 }, 'f32'],
    ['not right', undefined, 'f32'],
  ] as const)('integers that are %s', (_, int8, expected) => {
    expect(quicker({ one: 1, many: 10 }, int8)).toBe(expected);
  });
});

it('reads what nvidia-smi says of the card that was asked for', () => {
  const text = 'NVIDIA H200, 143000\nNVIDIA RTX A400, 3900\n';
  expect(parseNvidia(text, 'NVIDIA RTX A400')).toEqual([3900 * 2 ** 20]);
  expect(parseNvidia(text, 'unknown')).toEqual([143_000 * 2 ** 20, 3900 * 2 ** 20]);
  expect(parseNvidia('No devices were found', 'x')).toEqual([]);
});

describe('what the environment says about the card', () => {
  it('is taken', () => {
    const env = { LONGLEAF_GPU: 'H200', LONGLEAF_GPU_KV: '8', LONGLEAF_GPU_MEMORY_MB: '4000' };
    expect(environmentOptions(env)).toEqual({ device: 'H200', kvBits: 8, memoryLimit: 4e9 });
    expect(environmentOptions({})).toEqual({});
  });

  it.each([{ LONGLEAF_GPU_KV: '4' }, { LONGLEAF_GPU_MEMORY_MB: '-1' }, { LONGLEAF_GPU_ARITHMETIC: 'f16' }])(
    'is refused where it means nothing: %o',
    (env) => {
      expect(() => environmentOptions(env)).toThrow(Object.values(env)[0]);
    },
  );
});
