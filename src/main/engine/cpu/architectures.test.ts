/** Every architecture, tensor type and kind of RoPE on the cpu backend, against the reference. */
import { describe, expect, it } from 'vitest';
import { geometryOf } from '../hyperparameters.ts';
import { preset } from '../plan/presets.ts';
import { createReferenceRuntime } from '../reference/index.ts';
import { architectureModels } from '../testing/architecture-models.ts';
import { bounds, nmse } from '../testing/nmse.ts';
import {
  firstDifference,
  openArchitecture,
  readInChunks,
  snapshotOf,
  someIds,
} from '../testing/runtime-conformance.ts';
import { createCpuRuntime } from './index.ts';

const names = Object.keys(architectureModels);
const ids = someIds(120);
describe('cpu agrees with the reference', () => {
  it.each(names)('%s', async (name) => {
    const reference = await openArchitecture(name, createReferenceRuntime);
    const runtime = await openArchitecture(name, createCpuRuntime);
    for (const plan of ['dense', 'adapted'] as const) {
      const [expected, actual] = await Promise.all(
        [reference, runtime].map((each) => {
          const compiled = each.compile(preset(plan, geometryOf(each.hyperparameters)));
          return readInChunks(each, each.createCache(compiled), ids, [33]);
        }),
      );
      expect(nmse(actual, expected), plan).toBeLessThan(bounds.logits);
    }
    await runtime.release();
  });
});

describe('a model with layers of two kinds', () => {
  it('keeps the rows of a chunk that are accepted, and nothing of the others', async () => {
    const runtime = await openArchitecture('gemma3 F32', createCpuRuntime);
    const compiled = runtime.compile(preset('adapted', geometryOf(runtime.hyperparameters)));
    const { vocabulary } = runtime.hyperparameters;
    for (const kept of [1, 3, 8]) {
      const [plain, drafted] = [runtime.createCache(compiled), runtime.createCache(compiled)];
      for (const each of [plain, drafted]) await readInChunks(runtime, each, ids.subarray(0, 100), [50]);
      // beyond the kept ones other ids than those that come later
      const chunk = Int32Array.of(...ids.subarray(100, 100 + kept), ...someIds(8 - kept, 9));
      const logits = await runtime.forward(drafted, chunk, {
        logits: 'all',
        accept: (rows) => {
          expect(rows).toHaveLength(8 * vocabulary);
          return kept;
        },
      });
      const wanted = await readInChunks(runtime, plain, ids.subarray(100, 100 + kept), [kept]);
      expect(firstDifference(logits, wanted.subarray((kept - 1) * vocabulary))).toBe('none');
      expect(drafted.reach).toEqual(plain.reach);
      expect(await snapshotOf(drafted)).toEqual(await snapshotOf(plain));
    }
    await runtime.release();
  });

  it('gives the same bits in any chunks, forked and restored', async () => {
    const runtime = await openArchitecture('gemma3 F32', createCpuRuntime);
    const compiled = runtime.compile(preset('adapted', geometryOf(runtime.hyperparameters)));
    const whole = await readInChunks(runtime, runtime.createCache(compiled), ids, [120]);
    const cache = runtime.createCache(compiled);
    const { vocabulary } = runtime.hyperparameters;
    const begun = await readInChunks(runtime, cache, ids.subarray(0, 70), [1, 31]);
    expect(firstDifference(begun, whole.subarray(0, 70 * vocabulary))).toBe('none');
    const bytes = await snapshotOf(cache);
    const restored = runtime.createCache(compiled);
    for (let at = 0; at < bytes.length; at += 5) restored.writeSnapshot(at, bytes.subarray(at, at + 5));
    restored.finishRestore(70);
    expect(restored.reach).toEqual(cache.reach);
    for (const each of [cache.fork(), restored, cache]) {
      const rest = await readInChunks(runtime, each, ids.subarray(70), [7]);
      expect(firstDifference(rest, whole.subarray(70 * vocabulary))).toBe('none');
    }
    const short = runtime.createCache(compiled);
    short.writeSnapshot(0, bytes.subarray(0, -4));
    expect(() => {
      short.finishRestore(70);
    }).toThrow();
    const long = runtime.createCache(compiled);
    expect(() => {
      long.writeSnapshot(
        0,
        new Uint8Array(bytes.length + 1).map((_, i) => bytes[i] ?? 0),
      );
    }).toThrow(/longer/);
    await runtime.release();
  });
});
