import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTiny } from '../testing/runtime-conformance.ts';
import { findingsOf, quickest } from './adapter-test.ts';
import { requestAdapter } from './dawn.ts';
import { parseNvidia } from './device-memory.ts';
import { Device } from './device.ts';
import { environmentOptions } from './environment-options.ts';
import type { MatmulPipelines, MatmulVariant } from './kernels/index.ts';
import { Kernels } from './kernels/index.ts';
import { createGpuRuntime } from './index.ts';
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

  it.each(['int8', 'f16'] as const)('passes the kernels for %s', async (arithmetic) => {
    const kernels = new Kernels(device, { tiled: false, arithmetic });
    expect(await productFault(device, kernels)).toBeNull();
  });

  it('and without matrix units no kernels for them: named', async () => {
    const options = { shared: { device, kernels: new Kernels(device, { arithmetic: 'matrix' }) } };
    await expect(openTiny((gguf) => createGpuRuntime(gguf, options))).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('no matrix units') as string,
    });
  });

  it('and without 16-bit arithmetic no products in halves: named', async () => {
    const options = { device: softwareAdapters.swiftshader, arithmetic: 'f16' } as const;
    await expect(openTiny((gguf) => createGpuRuntime(gguf, options))).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining('no 16-bit arithmetic') as string,
    });
  });

  it('names a driver that multiplies wrongly', async () => {
    // unpacks Q8_0 as if it were Q4_0: stands for a driver whose products are off
    class WrongKernels extends Kernels {
      override matmul(variant: MatmulVariant, outputs: number): Promise<MatmulPipelines> {
        return super.matmul({ ...variant, type: 'Q4_0' }, outputs);
      }
    }
    const kernels = new WrongKernels(device, { tiled: false });
    expect(await productFault(device, kernels)).toMatch(/^products in f32 are off by /);
  });
});

describe('the choice of an arithmetic', () => {
  const f32 = { one: 1, many: 64 };
  it.each([
    ['quicker for many rows and for one', { int8: { one: 0.9, many: 30 } }, 'int8'],
    ['hardly quicker', { int8: { one: 1, many: 58 } }, 'f32'],
    ['slower for one row than reading gains', { int8: { one: 3, many: 40 } }, 'f32'],
    ['slower for one row, but less than reading gains', { matrix: { one: 1.2, many: 8 } }, 'matrix'],
    ['both quicker', { int8: { one: 0.9, many: 30 }, matrix: { one: 0.9, many: 10 } }, 'matrix'],
    ['halves quicker than integers', { int8: { one: 0.9, many: 30 }, f16: { one: 0.8, many: 20 } }, 'f16'],
    ['missing: not right, or not there', {}, 'f32'],
  ] as const)('others that are %s', (_, others, expected) => {
    expect(quickest({ f32, ...others })).toBe(expected);
  });
});

describe('kernels for matrix units, which no software adapter has', () => {
  it.each(['Q4_K', 'Q8_0', 'F16'] as const)('are accepted by the compiler: %s', async (type) => {
    const adapter = await requestAdapter(undefined, 'null');
    const requiredFeatures = ['shader-f16', 'subgroups', 'chromium-experimental-subgroup-matrix'];
    const gpu = await adapter.requestDevice({ requiredFeatures: requiredFeatures as GPUFeatureName[] });
    const kernels = new Kernels({ gpu, subgroupSize: null }, { arithmetic: 'matrix' });
    for (const [input, output] of [
      ['normed', 'bias'],
      ['geglu', 'add'],
      ['plain', 'capped'],
    ] as const) {
      const { matvec, matmul } = await kernels.matmul({ type, input, output }, 64);
      expect(matvec).toBeNull();
      expect(matmul?.label).toContain('matmul-matrix');
    }
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
    const env = { LONGLEAF_GPU: 'H200', LONGLEAF_GPU_KV: '8', LONGLEAF_GPU_SUBGROUPS: '0' };
    expect(environmentOptions(env)).toEqual({ device: 'H200', kvBits: 8, subgroups: false });
    expect(environmentOptions({ LONGLEAF_GPU_MEMORY_MB: '4000' })).toEqual({ memoryLimit: 4e9 });
    expect(environmentOptions({})).toEqual({});
  });

  it.each([
    { LONGLEAF_GPU_KV: '4' },
    { LONGLEAF_GPU_MEMORY_MB: '-1' },
    { LONGLEAF_GPU_ARITHMETIC: 'f64' },
    { LONGLEAF_GPU_SUBGROUPS: 'yes' },
  ])('is refused where it means nothing: %o', (env) => {
    expect(() => environmentOptions(env)).toThrow(Object.values(env)[0]);
  });
});
