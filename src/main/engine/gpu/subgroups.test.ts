/** Sums and maxima through subgroups: the bits of those without, or no subgroups. attention.test.ts does it for shapes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { geometryOf } from '../hyperparameters.ts';
import { preset } from '../plan/presets.ts';
import {
  firstDifference,
  openArchitecture,
  openTiny,
  readInChunks,
  snapshotOf,
  someIds,
} from '../testing/runtime-conformance.ts';
import { requestAdapter } from './dawn.ts';
import { Device } from './device.ts';
import type { GpuRuntime, GpuRuntimeOptions } from './index.ts';
import { createGpuRuntime } from './index.ts';
import { Kernels } from './kernels/index.ts';
import { fixedSubgroupSize, usableSubgroupSize } from './subgroup-test.ts';
import {
  skippedWithoutAdapters,
  skipWithoutAdapters,
  softwareAdapters,
} from './testing/software-adapters.ts';

const { lavapipe, swiftshader } = softwareAdapters;

describe.skipIf(skipWithoutAdapters)(`subgroups${skippedWithoutAdapters}`, () => {
  let device: Device;
  beforeAll(async () => {
    device = await Device.open(lavapipe);
  });
  afterAll(() => {
    device.release();
  });

  it('are used where their sums have the order of a balanced tree', () => {
    expect(device.subgroupSize).toBeGreaterThanOrEqual(4);
  });

  it('are not used where lanes are others than an adapter says', async () => {
    const { gpu, subgroupSize } = device;
    const said = 4 * (subgroupSize ?? 0);
    expect(await usableSubgroupSize(gpu, { subgroupMinSize: said, subgroupMaxSize: said })).toBeNull();
  });

  it.each([
    ['of one size', { subgroupMinSize: 32, subgroupMaxSize: 32 }, 32],
    ['of several', { subgroupMinSize: 32, subgroupMaxSize: 64 }, null],
    ['too small', { subgroupMinSize: 1, subgroupMaxSize: 1 }, null],
    ['no power of two', { subgroupMinSize: 48, subgroupMaxSize: 48 }, null],
  ] as const)('%s: %o', (_, info, expected) => {
    expect(fixedSubgroupSize(info)).toBe(expected);
  });

  // the kernels for many rows have the same bits (architectures.test.ts), and take a driver long
  it('give the logits, the state and its name that are without them: gemma2 F32', async () => {
    const tiled = false;
    const ids = someIds(41);
    const read = async (options: GpuRuntimeOptions) => {
      const runtime = (await openArchitecture('gemma2 F32', (gguf) =>
        createGpuRuntime(gguf, options),
      )) as GpuRuntime;
      const cache = runtime.createCache(
        runtime.compile(preset('adapted', geometryOf(runtime.hyperparameters))),
      );
      const logits = await readInChunks(runtime, cache, ids, [37, 1]);
      const { subgroupSize, variant } = runtime;
      const snapshot = await snapshotOf(cache);
      await runtime.release();
      return { logits, snapshot, subgroupSize, variant };
    };
    const through = await read({ device: lavapipe, tiled });
    const without = await read({ device: lavapipe, tiled, subgroups: false });
    expect([through.subgroupSize, without.subgroupSize]).toEqual([device.subgroupSize, null]);
    expect(firstDifference(through.logits, without.logits)).toBe('none');
    expect(firstDifference(through.snapshot, without.snapshot)).toBe('none');
    expect(through.variant).toBe(without.variant);
  });

  it('give the answer and its probabilities that are without them', async () => {
    const answer = async (subgroups: boolean): Promise<readonly (readonly number[])[]> => {
      const runtime = (await openTiny((gguf) =>
        createGpuRuntime(gguf, { device: lavapipe, tiled: false, subgroups }),
      )) as GpuRuntime;
      const context = someIds(9);
      const plan = preset('adapted', geometryOf(runtime.hyperparameters));
      const cache = runtime.createCache(runtime.compile(plan));
      const logits = await runtime.forward(cache, context, { logits: 'last' });
      const tokens: (readonly number[])[] = [];
      const sampling = {
        ...{ temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1.2, repetitionWindow: 7 },
        ...{ seed: 3, maxTokens: 8 },
      };
      const onToken = ({ id, logProbability }: { id: number; logProbability: number }): void => {
        tokens.push([id, logProbability]);
      };
      await runtime.generate(cache, { sampling, logits, context, stop: [], onToken });
      await runtime.release();
      return tokens;
    };
    const through = await answer(true);
    expect(through).toHaveLength(8);
    expect(through).toEqual(await answer(false));
  });

  it.each([4, 8, 16, 32, 64, 128])('of %d lanes: the compiler takes the kernels', async (subgroupSize) => {
    const adapter = await requestAdapter(undefined, 'null');
    const gpu = await adapter.requestDevice({ requiredFeatures: ['subgroups' as GPUFeatureName] });
    const kernels = new Kernels({ gpu, subgroupSize }, { tiled: false });
    for (const lanes of [16, 64, 256])
      expect((await kernels.reductionTest(lanes)).label).toContain('reduce-subgroup');
    const normed = { type: 'Q4_K', input: 'normed', output: 'store' } as const;
    const { matvec } = await kernels.matmul(normed, 64);
    expect(matvec?.pipeline.label).toContain('reduce-subgroup');
  });

  it('of SwiftShader are used too', async () => {
    const other = await Device.open(swiftshader);
    expect(other.subgroupSize).toBe(4);
    other.release();
  });
});
