/**
 * Several devices against one: the same bits for every plan, whatever the rounds. All are lavapipe here, and most of
 * them in this process on one device, each with weights, rings and buffers of its own.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../../../shared/errors.ts';
import type { GgufFile } from '../../../formats/index.ts';
import { exchangedSince } from '../../exchange.ts';
import { geometryOf } from '../../hyperparameters.ts';
import { preset } from '../../plan/presets.ts';
import type { AttentionPlan } from '../../plan/types.ts';
import type { Cache, Runtime } from '../../runtime.ts';
import { conformancePlans } from '../../testing/conformance-plans.ts';
import {
  firstDifference,
  openArchitecture,
  openTiny,
  readInChunks,
  snapshotOf,
  someIds,
} from '../../testing/runtime-conformance.ts';
import type { OpenDevice } from '../gpu-runtime.ts';
import { GpuRuntime, openDevice } from '../gpu-runtime.ts';
import {
  skippedWithoutAdapters,
  skipWithoutAdapters,
  softwareAdapters,
} from '../testing/software-adapters.ts';
import { LocalShard } from './local-shard.ts';
import type { Shard } from './shard.ts';
import type { ShardedOptions } from './sharded-runtime.ts';
import { ShardedRuntime } from './sharded-runtime.ts';

/** short, so that 110 tokens are several rounds, and pass every boundary of the plans */
const stretchRows = 16;
const tokens = 110;
const greedy = {
  ...{ temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, repetitionWindow: 0 },
  ...{ seed: 1, maxTokens: 5 },
};
const geometry = { heads: 6, kvHeads: 2, headDim: 32, trainedLength: 64 };

describe.skipIf(skipWithoutAdapters)(`several devices${skippedWithoutAdapters}`, () => {
  let shared: OpenDevice;
  let one: GpuRuntime;
  let two: ShardedRuntime;
  let three: ShardedRuntime;
  beforeAll(async () => {
    shared = await openDevice({ device: softwareAdapters.lavapipe, tiled: false });
    one = (await openTiny((gguf) => GpuRuntime.open(gguf, { shared }))) as GpuRuntime;
    two = (await openTiny((gguf) => openSharded(gguf, 2))) as ShardedRuntime;
    three = (await openTiny((gguf) => openSharded(gguf, 3))) as ShardedRuntime;
  });
  afterAll(() => {
    shared.device.release();
  });

  async function openSharded(
    gguf: GgufFile,
    devices: number,
    options: ShardedOptions = {},
    watch: (shard: Shard) => Shard = (shard) => shard,
  ): Promise<ShardedRuntime> {
    const open = (): Promise<GpuRuntime> =>
      GpuRuntime.open(gguf, { shared, roundRows: devices * stretchRows });
    const first = await open();
    const others: Shard[] = [];
    while (others.length < devices - 1) others.push(watch(new LocalShard(await open())));
    return new ShardedRuntime(first, others, { stretchRows, ...options });
  }

  async function expectEqual(
    runtime: Runtime,
    plan: AttentionPlan,
    chunks: readonly number[],
    alone: Runtime = one,
  ): Promise<void> {
    const ids = someIds(tokens);
    const expected = alone.createCache(alone.compile(plan));
    const cache = runtime.createCache(runtime.compile(plan));
    const logits = await readInChunks(alone, expected, ids, [tokens]);
    expect(firstDifference(await readInChunks(runtime, cache, ids, chunks), logits)).toBe('none');
    expect(firstDifference(await snapshotOf(cache), await snapshotOf(expected))).toBe('none');
    expect([cache.position, cache.reach]).toEqual([tokens, expected.reach]);
    for (const each of [cache, expected]) each.release();
  }

  it.each(conformancePlans(geometry))('$name: three give the logits and the state of one', async (plan) => {
    // rounds that divide by three and not, what one device does alone between them, and a last round
    await expectEqual(three, plan, [48, 5, 47, 1, 9]);
  });

  it('longnet-xpos: two give the logits and the state of one', async () => {
    await expectEqual(two, planNamed('longnet-xpos'), [32, 31, 1, 16, 17]);
  });

  it.each(['gemma2 F32', 'qwen3 F32'])('%s: two give the logits and the state of one', async (name) => {
    const alone = await openArchitecture(name, (gguf) => GpuRuntime.open(gguf, { shared }));
    const runtime = await openArchitecture(name, (gguf) => openSharded(gguf, 2));
    const plan = preset('adapted', geometryOf(alone.hyperparameters));
    await expectEqual(runtime, plan, [32, 29], alone);
    await Promise.all([alone.release(), runtime.release()]);
  });

  it('rounds that kernels have no workgroups for in one dispatch are cut, and count together', async () => {
    const cut = await openTiny((gguf) => openSharded(gguf, 2, { mostWorkgroups: 240 }));
    await expectEqual(cut, preset('adapted', geometry), [32]);
    expect((cut as ShardedRuntime).exchanged.rounds).toBeGreaterThan(4);
    await cut.release();
  });

  it('forked and restored go on as the one that never stopped, and answers are sampled as on one', async () => {
    const plan = planNamed('adapted');
    const [expected, cache] = [one, two].map((runtime) => runtime.createCache(runtime.compile(plan)));
    for (const [runtime, each] of [
      [one, expected],
      [two, cache],
    ] as const) {
      await readInChunks(runtime, each, someIds(64), [32]);
      const logits = await runtime.forward(each, someIds(3), { logits: 'last' });
      const generation = { sampling: greedy, logits, context: [], stop: [], onToken: () => undefined };
      expect(await runtime.generate(each, generation)).toMatchObject({ reason: 'length' });
    }
    const bytes = await snapshotOf(cache);
    expect(firstDifference(bytes, await snapshotOf(expected))).toBe('none');
    const restored = two.createCache(cache.compiled);
    restored.writeSnapshot(0, bytes);
    restored.finishRestore(cache.position);
    const logits = await readInChunks(one, expected, someIds(40, 9), [40]);
    for (const each of [cache.fork(), restored, cache]) {
      // in one round: what a device missed, or never had, it must have by then
      expect(firstDifference(await readInChunks(two, each, someIds(40, 9), [24, 16]), logits)).toBe('none');
      expect(firstDifference(await snapshotOf(each), await snapshotOf(expected))).toBe('none');
      each.release();
    }
    expected.release();
  });

  it('what devices give for a round does not depend on how much was read before', async () => {
    const runtime = (await openTiny((gguf) => openSharded(gguf, 2))) as ShardedRuntime;
    const { layers, kvHeads, headDim } = runtime.hyperparameters;
    for (const plan of [planNamed('adapted'), planNamed('longnet-torchscale')]) {
      const perLayer: number[] = [];
      for (const position of [320, 64_000, 1_024_000]) {
        const cache = runtime.createCache(runtime.compile(plan));
        cache.fillSynthetic(position, 1);
        const before = runtime.exchanged;
        await runtime.forward(cache, someIds(32), { logits: 'none' });
        const { rounds, layers: counted, bytes } = exchangedSince(before, runtime.exchanged);
        expect([rounds, counted]).toEqual([1, layers]);
        perLayer.push(bytes / layers);
        cache.release();
      }
      expect(new Set(perLayer).size).toBe(1);
      // keys and values of 32 tokens in halves, and of LongNet's further patterns less than as much again
      const exact = 32 * kvHeads * headDim * 2 * 2;
      expect(perLayer[0]).toBeGreaterThanOrEqual(exact);
      expect(perLayer[0]).toBeLessThan(6 * exact);
    }
    await runtime.release();
  });

  describe('when something goes wrong, the state is what it was', () => {
    let fails: { readonly method: keyof Shard; readonly error: AppError } | null = null;
    let runtime: ShardedRuntime;
    let cache: Cache;
    let before: Uint8Array;
    /** a device that does as `fails` says, once */
    const failing = (shard: Shard): Shard =>
      new Proxy(shard, {
        get: (target, name: keyof Shard) => {
          if (name === 'info') return target.info;
          if (name !== fails?.method) return target[name].bind(target);
          const { error } = fails;
          fails = null;
          return () => Promise.reject(error);
        },
      });
    beforeAll(async () => {
      runtime = (await openTiny((gguf) => openSharded(gguf, 2, {}, failing))) as ShardedRuntime;
      cache = runtime.createCache(runtime.compile(planNamed('adapted')));
      // the last 20 by the first device alone: the other one has to catch up
      await readInChunks(runtime, cache, someIds(52), [32, 16, 4]);
      before = await snapshotOf(cache);
    });
    afterAll(() => runtime.release());

    async function expectUnchanged(): Promise<void> {
      expect(cache.position).toBe(52);
      expect(firstDifference(await snapshotOf(cache), before)).toBe('none');
      const fork = cache.fork();
      const plain = one.createCache(cache.compiled);
      plain.writeSnapshot(0, before);
      plain.finishRestore(52);
      const [actual, expected] = [
        await readInChunks(runtime, fork, someIds(32, 4), [32]),
        await readInChunks(one, plain, someIds(32, 4), [32]),
      ];
      expect(firstDifference(actual, expected)).toBe('none');
      for (const each of [fork, plain]) each.release();
    }

    // in this order: who failed to catch up is handed the state anew
    it.each(['forward', 'createCache', 'beginRound', 'nextLayer', 'endRound', 'commit'] as const)(
      'a device that fails in %s is named',
      async (method) => {
        fails = {
          method,
          error: new AppError('unsupported', 'The memory is not enough.', 'Close programs.'),
        };
        const round = runtime.forward(cache, someIds(32, 4), { logits: 'last' });
        await expect(round).rejects.toMatchObject({
          code: 'unsupported',
          message: expect.stringMatching(/llvmpipe.*: The memory is not enough/i) as string,
          hint: 'Close programs.',
        });
        fails = null;
        await expectUnchanged();
      },
    );

    it('cancelled between layers', async () => {
      for (const layers of [0, 1]) {
        const controller = new AbortController();
        let layer = 0;
        const round = runtime.forward(cache, someIds(32, 4), {
          logits: 'last',
          signal: controller.signal,
          betweenLayers: () => {
            if (layer++ === layers) controller.abort();
          },
        });
        await expect(round).rejects.toMatchObject({ code: 'interrupted' });
      }
      await expectUnchanged();
    });

    it.each([
      ['ids beyond the vocabulary', Int32Array.from({ length: 32 }, () => 1 << 20), 'invalid-input'],
      ['more rows than a round holds', someIds(33), 'internal'],
    ])('%s are refused', async (_, ids, code) => {
      await expect(runtime.forward(cache, ids, { logits: 'none' })).rejects.toMatchObject({ code });
      await expectUnchanged();
    });
  });

  it('devices that do not compute alike are refused by name', async () => {
    const other = new LocalShard(one);
    const info = { ...other.info, device: 'Card B', variant: 'webgpu-int8-kv16-card-b' };
    const unlike = new Proxy(other, {
      get: (target, name: keyof Shard) => (name === 'info' ? info : target[name]),
    });
    expect(() => new ShardedRuntime(one, [unlike])).toThrow(/llvmpipe.* and Card B do not compute alike/i);
  });
});

function planNamed(name: string): AttentionPlan {
  const plan = conformancePlans(geometry).find((each) => each.name === name);
  if (plan === undefined) throw new Error(`There is no plan ${name}.`);
  return plan;
}
