/**
 * Several devices against one: the same bits for every plan, whatever the rounds. All are lavapipe here, and most of
 * them in this process on one device, each with weights, rings and buffers of its own.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../../../shared/errors.ts';
import type { GgufFile } from '../../../formats/index.ts';
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

/** short, so that 150 tokens are several rounds */
const stretchRows = 16;
const tokens = 150;
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
    await expectEqual(three, plan, [48, 5, 47, 1, 17]);
  });

  it.each(['dense', 'adapted', 'longnet-xpos'])('%s: two give the logits and the state of one', async (name) => {
    const plan = conformancePlans(geometry).find((each) => each.name === name);
    await expectEqual(two, plan as AttentionPlan, [32, 31, 1, 16, 17]);
  });

  it.each(['gemma3 F32', 'qwen3 F32', 'phi3 F32'])('%s: the same', async (name) => {
    const alone = await openArchitecture(name, (gguf) => GpuRuntime.open(gguf, { shared }));
    const runtime = await openArchitecture(name, (gguf) => openSharded(gguf, 2));
    const plan = preset('adapted', geometryOf(alone.hyperparameters));
    await expectEqual(runtime, plan, [32, 29], alone);
    await Promise.all([alone.release(), runtime.release()]);
  });

  it('rounds that kernels have no workgroups for in one dispatch are cut, and count together', async () => {
    const cut = await openTiny((gguf) => openSharded(gguf, 2, { mostWorkgroups: 240 }));
    await expectEqual(cut, preset('adapted', geometry), [32]);
    expect(cut.exchanged?.rounds).toBeGreaterThan(8);
    await cut.release();
  });
});
