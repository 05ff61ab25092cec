/**
 * Every architecture, tensor type and kind of RoPE on the graphics kernels, against the reference. Few models go
 * through the tiled kernels too, whose bits are the same: a driver compiles each for a second.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { geometryOf } from '../hyperparameters.ts';
import { preset } from '../plan/presets.ts';
import { createReferenceRuntime } from '../reference/index.ts';
import type { Runtime } from '../runtime.ts';
import { architectureModels } from '../testing/architecture-models.ts';
import { bounds, nmse } from '../testing/nmse.ts';
import {
  firstDifference,
  openArchitecture,
  readInChunks,
  snapshotOf,
  someIds,
} from '../testing/runtime-conformance.ts';
import type { OpenDevice } from './gpu-runtime.ts';
import { openDevice } from './gpu-runtime.ts';
import { createGpuRuntime } from './index.ts';
import { Kernels } from './kernels/index.ts';
import {
  skippedWithoutAdapters,
  skipWithoutAdapters,
  softwareAdapters,
} from './testing/software-adapters.ts';

/** logits of all rows under the plan `adapted` */
async function read(runtime: Runtime, ids: Int32Array, chunks: readonly number[]): Promise<Float32Array> {
  const compiled = runtime.compile(preset('adapted', geometryOf(runtime.hyperparameters)));
  return readInChunks(runtime, runtime.createCache(compiled), ids, chunks);
}

describe.skipIf(skipWithoutAdapters)(`webgpu on lavapipe${skippedWithoutAdapters}`, () => {
  let untiled: OpenDevice;
  beforeAll(async () => {
    untiled = await openDevice({ device: softwareAdapters.lavapipe, tiled: false });
  });
  afterAll(() => {
    untiled.device.release();
  });

  it.each(Object.keys(architectureModels))('%s: agrees with the reference', async (name) => {
    // T / 4 = 64 tokens are the plan's exact window; models with k-quants are eight times as large
    const ids = someIds(/_K/.test(name) ? 24 : 70);
    const reference = await openArchitecture(name, createReferenceRuntime);
    const runtime = await openArchitecture(name, (gguf) => createGpuRuntime(gguf, { shared: untiled }));
    const [expected, actual] = await Promise.all([read(reference, ids, [35]), read(runtime, ids, [33])]);
    await runtime.release();
    // weights are multiplied as they are: what is left is the rounding of keys and values to halves
    expect(nmse(actual, expected)).toBeLessThan(1e-5);
  });

  it('qwen3 F32, keys and values in 8 bits: agrees', async () => {
    const ids = someIds(70);
    const expected = await read(await openArchitecture('qwen3 F32', createReferenceRuntime), ids, [35]);
    const runtime = await openArchitecture('qwen3 F32', (gguf) =>
      createGpuRuntime(gguf, { shared: untiled, kvBits: 8 }),
    );
    expect(runtime.variant).toContain('-kv8-');
    // measured: 6e-5
    expect(nmse(await read(runtime, ids, [33]), expected)).toBeLessThan(bounds.reduced);
    await runtime.release();
  });

  // measured: 2e-4, 6e-6
  it.each([
    ['int8', bounds.logits],
    ['f16', 1e-4],
  ] as const)('llama Q4_1, products in %s: agrees', async (arithmetic, bound) => {
    const ids = someIds(12);
    const expected = await read(await openArchitecture('llama Q4_1', createReferenceRuntime), ids, [12]);
    const { device } = untiled;
    const shared = { device, kernels: new Kernels(device, { tiled: false, arithmetic }) };
    const runtime = await openArchitecture('llama Q4_1', (gguf) => createGpuRuntime(gguf, { shared }));
    expect(runtime.variant).toContain(`webgpu-${arithmetic}-`);
    expect(nmse(await read(runtime, ids, [12]), expected)).toBeLessThan(bound);
    await runtime.release();
  });

  it.each(['gemma2 F32', 'qwen2 Q5_0'])(
    '%s: the same bits in any chunks, tiled or not, forked and restored',
    async (name) => {
      const ids = someIds(90);
      const runtime = await openArchitecture(name, (gguf) =>
        createGpuRuntime(gguf, { device: softwareAdapters.lavapipe }),
      );
      const { vocabulary } = runtime.hyperparameters;
      const whole = await read(runtime, ids, [90]);
      const compiled = runtime.compile(preset('adapted', geometryOf(runtime.hyperparameters)));
      const cache = runtime.createCache(compiled);
      const begun = await readInChunks(runtime, cache, ids.subarray(0, 70), [1, 3, 31]);
      expect(firstDifference(begun, whole.subarray(0, 70 * vocabulary))).toBe('none');
      const bytes = await snapshotOf(cache);
      const restored = runtime.createCache(compiled);
      restored.writeSnapshot(0, bytes);
      restored.finishRestore(70);
      expect(restored.reach).toEqual(cache.reach);
      for (const each of [cache.fork(), restored, cache]) {
        const rest = await readInChunks(runtime, each, ids.subarray(70), [7]);
        expect(firstDifference(rest, whole.subarray(70 * vocabulary))).toBe('none');
      }
      await runtime.release();
    },
  );
});
