/**
 * What every backend must do, whatever its arithmetic: agree with `reference` on the logits of tiny models of every
 * tensor type and plan, and keep the promises of `Runtime` and `Cache` bit for bit. A backend's test calls
 * `describeRuntimeAgreement` and `describeRuntimeConformance` with a function that opens it.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GgufFile } from '../../formats/index.ts';
import { openGguf } from '../../formats/index.ts';
import type { TinyLlama } from '../../formats/testing/index.ts';
import { encodeTinyLlama, encodeTinyModel } from '../../formats/testing/index.ts';
import { visibleKeys } from '../plan/count.ts';
import type { AttentionPlan, PlanGeometry } from '../plan/types.ts';
import { createReferenceRuntime } from '../reference/index.ts';
import type { Cache, Runtime } from '../runtime.ts';
import { conformanceLength, conformancePlans } from './conformance-plans.ts';
import { architectureModels } from './architecture-models.ts';
import { bounds, nmse } from './nmse.ts';

export type OpenRuntime = (gguf: GgufFile) => Promise<Runtime>;

const geometry = { heads: 6, kvHeads: 2, headDim: 32, trainedLength: conformanceLength };
const models: readonly (Partial<TinyLlama> & Pick<TinyLlama, 'type' | 'tied'>)[] = [
  { type: 'F32', tied: false },
  { type: 'F16', tied: true },
  { type: 'Q8_0', tied: false },
  { type: 'Q4_0', tied: true },
  { type: 'Q4_1', tied: true },
  { type: 'Q4_1', tied: false, heads: 4, kvHeads: 4, embedding: 128, headDim: 32 },
];
const tokens = 150;

/** The runtime of a model that is given as a file's bytes; the file is gone when this returns. */
async function openEncoded(bytes: Uint8Array, open: OpenRuntime): Promise<Runtime> {
  const folder = mkdtempSync(join(tmpdir(), 'longleaf-conformance-'));
  try {
    const path = join(folder, 'tiny.gguf');
    writeFileSync(path, bytes);
    const gguf = await openGguf(path);
    try {
      return await open(gguf);
    } finally {
      await gguf.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The runtime of one of `architectureModels`, by its name. */
export async function openArchitecture(name: string, open: OpenRuntime): Promise<Runtime> {
  return openEncoded(encodeTinyModel(architectureModels[name]), open);
}

/** The runtime of a tiny random llama. */
export async function openTiny(open: OpenRuntime, options: Partial<TinyLlama> = {}): Promise<Runtime> {
  return openEncoded(encodeTinyLlama({ trainedLength: conformanceLength, ...options }), open);
}

/** Token ids of the tiny vocabulary (288), reproducible, with repetitions. */
export function someIds(count: number, seed = 1): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => (Math.imul(i + seed, 2654435761) >>> 7) % 288);
}

/** Appends ids in chunks of the given lengths (the last one repeats); logits of every row, one after another. */
export async function readInChunks(
  runtime: Runtime,
  cache: Cache,
  ids: Int32Array,
  chunks: readonly number[],
): Promise<Float32Array> {
  const vocabulary = runtime.hyperparameters.vocabulary;
  const logits = new Float32Array(ids.length * vocabulary);
  let done = 0;
  for (let i = 0; done < ids.length; i++) {
    const rows = Math.min(chunks[Math.min(i, chunks.length - 1)], ids.length - done, runtime.maxRows);
    const chunk = await runtime.forward(cache, ids.subarray(done, done + rows), { logits: 'all' });
    logits.set(chunk, done * vocabulary);
    done += rows;
  }
  return logits;
}

export async function snapshotOf(cache: Cache): Promise<Uint8Array> {
  const bytes = new Uint8Array(cache.snapshotBytes());
  // odd pages: a page may begin and end anywhere
  for (let offset = 0; offset < bytes.length; offset += 1013) {
    await cache.readSnapshot(offset, bytes.subarray(offset, Math.min(offset + 1013, bytes.length)));
  }
  return bytes;
}

function restored(runtime: Runtime, from: Cache, bytes: Uint8Array): Cache {
  const cache = runtime.createCache(from.compiled);
  for (let offset = 0; offset < bytes.length; offset += 4099) {
    cache.writeSnapshot(offset, bytes.subarray(offset, offset + 4099));
  }
  cache.finishRestore(from.position);
  return cache;
}

/** toEqual on megabytes of numbers is slow and prints them all; this names the first that differs. */
export function firstDifference(a: ArrayLike<number>, b: ArrayLike<number>): string {
  if (a.length !== b.length) return `lengths ${String(a.length)} and ${String(b.length)}`;
  for (let i = 0; i < a.length; i++) {
    if (!Object.is(a[i], b[i])) return `index ${String(i)}: ${String(a[i])} and ${String(b[i])}`;
  }
  return 'none';
}

/** Of the plans and models only these: for backends that are slow where they are tested. */
export interface ConformanceSelection {
  /** names of `conformancePlans` */
  readonly plans?: readonly string[];
  readonly types?: readonly TinyLlama['type'][];
}

/** For every backend but the reference itself. */
export function describeRuntimeAgreement(
  name: string,
  open: OpenRuntime,
  selection: ConformanceSelection = {},
): void {
  describe(`${name} agrees with the reference`, () => {
    const chosen = models.filter(({ type }) => selection.types?.includes(type) ?? true);
    it.each(chosen)('logits of a $type model (tied: $tied), every plan', async (model) => {
      const reference = await openTiny(createReferenceRuntime, model);
      const runtime = await openTiny(open, model);
      const plans = selectPlans(selection, { ...geometry, ...pickHeads(model) });
      for (const plan of plans) {
        const ids = someIds(tokens);
        const expected = await readAll(reference, plan, ids, [64]);
        const actual = await readAll(runtime, plan, ids, [64]);
        expect(nmse(actual, expected), plan.name).toBeLessThan(bounds.logits);
      }
      await runtime.release();
    });
  });
}

/** For every backend. */
export function describeRuntimeConformance(
  name: string,
  open: OpenRuntime,
  selection: ConformanceSelection = {},
): void {
  describe(`${name} keeps the promises of Runtime, bit for bit`, () => {
    let runtime: Runtime;
    beforeAll(async () => {
      runtime = await openTiny(open);
    });
    afterAll(() => runtime.release());
    const plans = selectPlans(selection, geometry);

    it.each(plans)(
      '$name: decode after prefill equals prefill of everything, in any chunks',
      async (plan) => {
        const ids = someIds(tokens);
        const whole = await readAll(runtime, plan, ids, [tokens]);
        for (const chunks of [[1], [70, 1], [64, 63, 1, 9], [13]]) {
          const chunked = await readAll(runtime, plan, ids, chunks);
          expect(firstDifference(chunked, whole), `chunks of ${chunks.join(', ')}`).toBe('none');
        }
      },
    );

    it.each(plans)('$name: snapshots of different chunkings are equal byte for byte', async (plan) => {
      for (const length of [1, 41, 100]) {
        const snapshots: Uint8Array[] = [];
        for (const chunks of [[1], [64], [7, 33]]) {
          const cache = runtime.createCache(runtime.compile(plan));
          await readInChunks(runtime, cache, someIds(length), chunks);
          snapshots.push(await snapshotOf(cache));
        }
        expect(firstDifference(snapshots[1], snapshots[0])).toBe('none');
        expect(firstDifference(snapshots[2], snapshots[0])).toBe('none');
      }
    });

    it.each(plans)('$name: forked and restored go on as the one that never stopped', async (plan) => {
      for (const stop of [0, 3, 40, 97]) {
        const cache = runtime.createCache(runtime.compile(plan));
        if (stop > 0) await readInChunks(runtime, cache, someIds(stop), [29]);
        const bytes = await snapshotOf(cache);
        const fork = cache.fork();
        const back = restored(runtime, cache, bytes);
        expect([fork.position, back.position]).toEqual([stop, stop]);
        expect([fork.reach, back.reach]).toEqual([cache.reach, cache.reach]);
        expect(firstDifference(await snapshotOf(back), bytes)).toBe('none');

        const rest = someIds(70, 5);
        const expected = await readInChunks(runtime, cache, rest, [31]);
        cache.release();
        expect(firstDifference(await readInChunks(runtime, fork, rest, [17]), expected)).toBe('none');
        expect(firstDifference(await readInChunks(runtime, back, rest, [1]), expected)).toBe('none');
      }
    });

    it.each(plans)(
      '$name: an aborted call changes nothing, and may be repeated with other rows',
      async (plan) => {
        const cache = runtime.createCache(runtime.compile(plan));
        await readInChunks(runtime, cache, someIds(50), [50]);
        const before = await snapshotOf(cache);
        for (const layers of [0, 1]) {
          const controller = new AbortController();
          let layer = 0;
          const aborted = runtime.forward(cache, someIds(60, 9), {
            logits: 'last',
            signal: controller.signal,
            betweenLayers: () => {
              if (layer++ === layers) controller.abort();
            },
          });
          await expect(aborted).rejects.toMatchObject({ code: 'interrupted' });
          expect(cache.position).toBe(50);
          expect(firstDifference(await snapshotOf(cache), before)).toBe('none');
        }
        const undisturbed = restored(runtime, cache, before);
        const rest = someIds(30, 3);
        const expected = await readInChunks(runtime, undisturbed, rest, [30]);
        expect(firstDifference(await readInChunks(runtime, cache, rest, [30]), expected)).toBe('none');
      },
    );

    it.each(plans)("$name: the reach that it counts is the plan's", async (plan) => {
      const cache = runtime.createCache(runtime.compile(plan));
      const ids = someIds(tokens);
      for (let position = 0; position < tokens; position += 10) {
        await runtime.forward(cache, ids.subarray(position, position + 10), { logits: 'none' });
        expect(cache.reach).toEqual(visibleKeys(cache.compiled, position + 9, 0));
      }
    });

    it('returns the logits that were asked for', async () => {
      const { vocabulary } = runtime.hyperparameters;
      const ids = someIds(9);
      const forward = (logits: 'none' | 'last' | 'all'): Promise<Float32Array> => {
        const cache = runtime.createCache(runtime.compile(plans[0]));
        return runtime.forward(cache, ids, { logits });
      };
      const all = await forward('all');
      expect(all).toHaveLength(9 * vocabulary);
      expect(firstDifference(await forward('last'), all.subarray(8 * vocabulary))).toBe('none');
      expect(await forward('none')).toHaveLength(0);
    });

    it('refuses a snapshot that was cut short', async () => {
      const cache = runtime.createCache(runtime.compile(plans[0]));
      await readInChunks(runtime, cache, someIds(20), [20]);
      const other = runtime.createCache(cache.compiled);
      other.writeSnapshot(0, (await snapshotOf(cache)).subarray(0, -4));
      expect(() => other.finishRestore(20)).toThrow();
    });
  });
}

function selectPlans(selection: ConformanceSelection, of: PlanGeometry): readonly AttentionPlan[] {
  return conformancePlans(of).filter((plan) => selection.plans?.includes(plan.name) ?? true);
}

async function readAll(
  runtime: Runtime,
  plan: AttentionPlan,
  ids: Int32Array,
  chunks: readonly number[],
): Promise<Float32Array> {
  const cache = runtime.createCache(runtime.compile(plan));
  const logits = await readInChunks(runtime, cache, ids, chunks);
  cache.release();
  return logits;
}

function pickHeads({ heads, kvHeads }: Partial<TinyLlama>): { heads?: number; kvHeads?: number } {
  return heads === undefined || kvHeads === undefined ? {} : { heads, kvHeads };
}
