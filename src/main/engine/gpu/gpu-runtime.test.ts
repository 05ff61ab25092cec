/**
 * The whole model on software adapters. They are slow, SwiftShader most of all: of the conformance suites a selection
 * runs on lavapipe, where every plan is seen once, and a short text on SwiftShader, which has no 16-bit arithmetic.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GgufFile } from '../../formats/index.ts';
import { readHyperparameters } from '../hyperparameters.ts';
import { preset } from '../plan/presets.ts';
import { createReferenceRuntime } from '../reference/index.ts';
import type { Cache, Runtime } from '../runtime.ts';
import { bounds, nmse } from '../testing/nmse.ts';
import {
  describeRuntimeAgreement,
  describeRuntimeConformance,
  firstDifference,
  openTiny,
  readInChunks,
  snapshotOf,
  someIds,
} from '../testing/runtime-conformance.ts';
import type { GpuRuntime } from './index.ts';
import { createGpuRuntime } from './index.ts';
import { planMemory } from './memory-plan.ts';
import {
  skippedWithoutAdapters,
  skipWithoutAdapters,
  softwareAdapters,
} from './testing/software-adapters.ts';

const onLavapipe = (gguf: GgufFile): Promise<GpuRuntime> =>
  createGpuRuntime(gguf, { device: softwareAdapters.lavapipe });
/** Keys and values as the reference keeps them: states go from one to the other. */
const inFullPrecision = (gguf: GgufFile): Promise<GpuRuntime> =>
  createGpuRuntime(gguf, { device: softwareAdapters.lavapipe, kvBits: 32 });
/** Without the kernels for many rows: SwiftShader compiles each for a minute. Their bits are the same (below). */
const onSwiftShader = (gguf: GgufFile): Promise<GpuRuntime> =>
  createGpuRuntime(gguf, { device: softwareAdapters.swiftshader, tiled: false });

describe.skipIf(skipWithoutAdapters)(`webgpu${skippedWithoutAdapters}`, () => {
  describeRuntimeAgreement('webgpu, every plan,', onLavapipe, { types: ['Q4_0'] });
  describeRuntimeConformance('webgpu', onLavapipe, { plans: ['adapted', 'longnet-xpos'] });

  describe('on SwiftShader', () => {
    it('agrees with the reference', async () => {
      const ids = someIds(21);
      const expected = await logitsOf(createReferenceRuntime, ids, [21]);
      const whole = await logitsOf(onSwiftShader, ids, [17, 1]);
      expect(nmse(whole, expected)).toBeLessThan(bounds.reduced);
    });
  });

  describe('on lavapipe', () => {
    let reference: Runtime;
    let runtime: GpuRuntime;
    beforeAll(async () => {
      reference = await openTiny(createReferenceRuntime);
      runtime = (await openTiny(onLavapipe)) as GpuRuntime;
    });
    afterAll(() => runtime.release());

    it('goes on from a state of the reference, and the reference from its own', async () => {
      const full = await openTiny(inFullPrecision);
      const ids = someIds(90);
      const rest = someIds(20, 7);
      const [ours, theirs] = [newCache(full), newCache(reference)];
      await readInChunks(full, ours, ids, [90]);
      await readInChunks(reference, theirs, ids, [90]);
      const toUs = await handedOver(theirs, full);
      const toThem = await handedOver(ours, reference);
      const expected = await readInChunks(reference, theirs, rest, [20]);
      expect(nmse(await readInChunks(full, toUs, rest, [20]), expected)).toBeLessThan(bounds.f32);
      expect(nmse(await readInChunks(reference, toThem, rest, [20]), expected)).toBeLessThan(bounds.f32);
      await full.release();
    });

    it('splits matrices over buffers where the adapter asks for it, and computes the same bits', async () => {
      const options = { device: softwareAdapters.lavapipe, largestPlane: 1600 };
      const split = (await openTiny((gguf) => createGpuRuntime(gguf, options))) as GpuRuntime;
      expect(split.dispatches.perLayer).toBeGreaterThan(runtime.dispatches.perLayer);
      const ids = someIds(9);
      const expected = await readInChunks(runtime, newCache(runtime), ids, [9]);
      const actual = await readInChunks(split, newCache(split), ids, [5, 4]);
      expect(firstDifference(actual, expected)).toBe('none');
      await split.release();
    });

    it('takes rows that end within a block of 32', async () => {
      const odd = {
        type: 'F16',
        heads: 3,
        kvHeads: 1,
        headDim: 20,
        embedding: 72,
        feedForward: 100,
      } as const;
      const options = { device: softwareAdapters.lavapipe, tiled: false };
      const other = await openTiny((gguf) => createGpuRuntime(gguf, options), odd);
      const twin = await openTiny(createReferenceRuntime, odd);
      const ids = someIds(10);
      const expected = await readInChunks(twin, newCache(twin), ids, [10]);
      expect(nmse(await readInChunks(other, newCache(other), ids, [7, 1]), expected)).toBeLessThan(
        bounds.reduced,
      );
      await other.release();
    });

    it('needs seven dispatches a layer, and three besides', () => {
      expect(runtime.dispatches).toEqual({ perLayer: 7, besides: 3 });
    });

    it.each([
      ['ids beyond the vocabulary', Int32Array.of(1, 1 << 20), 'invalid-input'],
      ['negative ids', Int32Array.of(-1), 'invalid-input'],
      ['no ids', new Int32Array(0), 'internal'],
      ['more rows than a chunk holds', someIds(513), 'internal'],
    ])('refuses %s and leaves the cache as it was', async (_, ids, code) => {
      const cache = newCache(runtime);
      await expect(runtime.forward(cache, ids, { logits: 'last' })).rejects.toMatchObject({ code });
      expect(cache.position).toBe(0);
    });

    it('names the tensor whose weights are not numbers', async () => {
      const name = 'blk.1.ffn_up.weight';
      const opened = openTiny((gguf) =>
        onLavapipe({
          ...gguf,
          readTensor: async (tensor) => {
            const bytes = await gguf.readTensor(tensor);
            // the scale of the second block of Q4_1, as a half
            return tensor === name ? bytes.with(21, 0x7e) : bytes;
          },
        }),
      );
      await expect(opened).rejects.toMatchObject({
        code: 'invalid-input',
        message: `The tensor "${name}" holds weights that are not numbers.`,
      });
    });

    it('refuses a cache of another backend', async () => {
      const forward = runtime.forward(newCache(reference), someIds(3), { logits: 'none' });
      await expect(forward).rejects.toThrow(/another backend/);
    });

    it('names in its variant what its bits depend on', () => {
      expect(runtime.variant).toMatch(/^webgpu-kv16-llvmpipe.*mesa/);
    });
  });

  describe('memory', () => {
    const needed =
      /takes [\d.]+ MB on the graphics card, and 12 MB are free: weights [\d.]+ MB, keys and values of a conversation [\d.]+ MB, \d+ MB to work with/;

    it('is planned before anything is loaded: what does not fit is refused with the numbers', async () => {
      const options = { device: softwareAdapters.lavapipe, memoryLimit: 12e6 };
      const read: string[] = [];
      const opened = openTiny((gguf) => {
        const watched = (name: string): ReturnType<GgufFile['readTensor']> => {
          read.push(name);
          return gguf.readTensor(name);
        };
        return createGpuRuntime({ ...gguf, readTensor: watched }, options);
      });
      await expect(opened).rejects.toMatchObject({
        code: 'unsupported',
        message: expect.stringMatching(needed) as string,
        hint: expect.stringContaining('--backend cpu') as string,
      });
      expect(read).toEqual([]);
    });

    it('that runs out in mid-prefill is named, and the state goes on as it was', async () => {
      const small = (await openTiny(async (gguf) => {
        const sizes = { kvBits: 16, maxRows: 512, roundRows: 512, largestBinding: 2 ** 27 } as const;
        const { weights, state, scratch } = planMemory(gguf, await readHyperparameters(gguf), sizes);
        const memoryLimit = weights + state + scratch + 2e5;
        return createGpuRuntime(gguf, { device: softwareAdapters.lavapipe, tiled: false, memoryLimit });
      })) as GpuRuntime;
      const { heads, kvHeads, headDim } = small.hyperparameters;
      const plan = preset('dense', { heads, kvHeads, headDim, trainedLength: 10_000 });
      const cache = small.createCache(small.compile(plan));
      cache.fillSynthetic?.(300, 1);
      let before: Uint8Array = new Uint8Array(0);
      const full = async (): Promise<void> => {
        for (;;) {
          before = await snapshotOf(cache);
          await small.forward(cache, someIds(100), { logits: 'none' });
        }
      };
      await expect(full()).rejects.toMatchObject({
        code: 'unsupported',
        message: expect.stringMatching(
          /memory of the graphics card is not enough: .* MB more, and .* MB are left/,
        ) as string,
        hint: expect.stringContaining('bounded plan') as string,
      });
      expect(cache.position).toBeGreaterThanOrEqual(300);

      expect(firstDifference(await snapshotOf(cache), before)).toBe('none');
      await small.release();
    });
  });

  it('names an adapter that is not there, with the remedy', async () => {
    const opened = openTiny((gguf) => createGpuRuntime(gguf, { device: 'no such card' }));
    await expect(opened).rejects.toMatchObject({
      code: 'unsupported',
      message: 'No graphics adapter has "no such card" in its name.',
      hint: expect.stringContaining('--backend cpu') as string,
    });
  });
});

function newCache(runtime: Runtime): Cache {
  const { heads, kvHeads, headDim, trainedLength } = runtime.hyperparameters;
  return runtime.createCache(runtime.compile(preset('adapted', { heads, kvHeads, headDim, trainedLength })));
}

async function logitsOf(
  open: (gguf: GgufFile) => Promise<Runtime>,
  ids: Int32Array,
  chunks: readonly number[],
): Promise<Float32Array> {
  const runtime = await openTiny(open, { layers: 1, type: 'F16' });
  const logits = await readInChunks(runtime, newCache(runtime), ids, chunks);
  await runtime.release();
  return logits;
}

async function handedOver(from: Cache, to: Runtime): Promise<Cache> {
  const cache = to.createCache(from.compiled);
  cache.writeSnapshot(0, await snapshotOf(from));
  cache.finishRestore(from.position);
  return cache;
}
