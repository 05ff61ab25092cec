/**
 * Bit for bit: a row's output depends on its position and the keys only, never on chunking, row grouping, slack,
 * abandoned chunks, forks, restores or threads.
 */
import { describe, expect, it } from 'vitest';
import {
  alignedPlan,
  bandedPlan,
  cacheSpec,
  densePlan,
  feed,
  firstDifference,
  randomRows,
} from './attention-fixtures.ts';
import { loadNative, type NativeCache, type NativeCacheSpec } from './index.ts';

const native = loadNative();

const geometry = { heads: 6, kvHeads: 2, headDim: 32 };
const wide = { heads: 9, kvHeads: 3, headDim: 8 };
const plans = [
  { name: 'dense', plan: densePlan(geometry), tokens: 700 },
  { name: 'banded', plan: bandedPlan(geometry, 48, [1, 2, 4]), tokens: 700 },
  {
    name: 'banded with a dense start',
    plan: bandedPlan(geometry, 48, [1, 2], { denseUpTo: 150 }),
    tokens: 400,
  },
  {
    name: 'aligned',
    plan: alignedPlan(wide, [
      [16, 1],
      [64, 4],
      [256, 16],
    ]),
    tokens: 500,
  },
] as const;

const rowWidth = (g: { heads: number; kvHeads: number; headDim: number }) =>
  (g.heads + 2 * g.kvHeads) * g.headDim;

function snapshotOf(cache: NativeCache): Uint8Array {
  const bytes = new Uint8Array(cache.snapshotBytes());
  cache.readSnapshot(0, bytes);
  return bytes;
}

function restore(spec: NativeCacheSpec, snapshot: Uint8Array, position: number, piece = 1000): NativeCache {
  const cache = native.createCache(spec);
  for (let at = 0; at < snapshot.length; at += piece)
    cache.writeSnapshot(at, snapshot.subarray(at, at + piece));
  cache.finishRestore(position);
  return cache;
}

const variants = native.available.map((simd) => ({ simd, storage: 'bf16' as const }));

describe.each(plans)('$name', ({ plan, tokens }) => {
  const shape = plan.geometry;
  const rows = randomRows(shape, tokens, 11);
  const width = rowWidth(shape);

  describe.each([...variants, { simd: 'scalar' as const, storage: 'f32' as const }])(
    '$simd $storage',
    (variant) => {
      const spec = cacheSpec(plan, { ...variant, maxRows: 512 });
      const whole = feed(native.createCache(spec), shape, rows, [512]);

      it.each([[[256]], [[511, 1]], [[1]], [[7]], [[1, 63, 64, 65, 2, 300]], [[5, 11, 512]]])(
        'chunks %j',
        (chunks) => {
          expect(firstDifference(feed(native.createCache(spec), shape, rows, chunks), whole)).toBe(-1);
        },
      );

      it('a smaller slack (maxRows) changes nothing', () => {
        const narrow = native.createCache({ ...spec, maxRows: 33 });
        expect(firstDifference(feed(narrow, shape, rows, [33]), whole)).toBe(-1);
      });

      it('2 and 3 threads', () => {
        for (const threads of [2, 3])
          expect(
            firstDifference(feed(native.createCache({ ...spec, threads }), shape, rows, [512]), whole),
          ).toBe(-1);
      });

      it('an abandoned chunk leaves no trace', () => {
        const cache = native.createCache(spec);
        const outWidth = shape.heads * shape.headDim;
        feed(cache, shape, rows.subarray(0, 200 * width), [200]);
        // other keys than the true ones, up to the whole slack, then given up
        cache.begin(512);
        cache.attend(0, randomRows(shape, 512, 99), new Float32Array(512 * outWidth));
        const rest = feed(cache, shape, rows.subarray(200 * width), [100]);
        expect(firstDifference(rest, whole.subarray(200 * outWidth))).toBe(-1);
      });

      it('a fork continues like the original, and neither disturbs the other', () => {
        const outWidth = shape.heads * shape.headDim;
        const start = rows.subarray(0, 130 * width);
        const others = randomRows(shape, 300, 5);
        const original = native.createCache(spec);
        feed(original, shape, start, [130]);
        const fork = original.fork();
        expect(firstDifference(snapshotOf(fork), snapshotOf(original))).toBe(-1);
        const alone = native.createCache(spec);
        feed(alone, shape, start, [130]);
        const expected = feed(alone, shape, others, [100]);
        // the fork's first hundred, then all of the original, then the rest of the fork
        const first = feed(fork, shape, others.subarray(0, 100 * width), [100]);
        const rest = feed(original, shape, rows.subarray(130 * width), [512]);
        expect(firstDifference(rest, whole.subarray(130 * outWidth))).toBe(-1);
        original.release();
        const second = feed(fork, shape, others.subarray(100 * width), [100]);
        expect(firstDifference([...first, ...second], expected)).toBe(-1);
        expect(fork.position).toBe(430);
      });

      it.each([1, 47, 130, 256, 390])('restored at %i and continued equals never stopped', (position) => {
        const outWidth = shape.heads * shape.headDim;
        const original = native.createCache(spec);
        feed(original, shape, rows.subarray(0, position * width), [position]);
        const snapshot = snapshotOf(original);
        const restored = restore(spec, snapshot, position);
        expect(restored.position).toBe(position);
        expect(restored.reach()).toEqual(original.reach());
        expect(firstDifference(snapshotOf(restored), snapshot)).toBe(-1);
        const rest = feed(restored, shape, rows.subarray(position * width), [1, 90, 512]);
        expect(firstDifference(rest, whole.subarray(position * outWidth))).toBe(-1);
      });

      it('a snapshot depends on the tokens only: not on chunks, slack, garbage or restores', () => {
        const a = native.createCache(spec);
        feed(a, shape, rows, [512]);
        const b = native.createCache({ ...spec, maxRows: 64 });
        feed(b, shape, rows.subarray(0, 100 * width), [64, 1]);
        b.begin(64);
        b.attend(0, randomRows(shape, 64, 77), new Float32Array(64 * shape.heads * shape.headDim));
        const c = restore(spec, snapshotOf(b), 100);
        feed(c, shape, rows.subarray(100 * width), [3]);
        feed(b, shape, rows.subarray(100 * width), [64]);
        expect(firstDifference(snapshotOf(b), snapshotOf(a))).toBe(-1);
        expect(firstDifference(snapshotOf(c), snapshotOf(a))).toBe(-1);
      });
    },
  );
});

describe('few rows over many keys: the keys are shared out among threads', () => {
  const shape = { heads: 6, kvHeads: 2, headDim: 64 };
  const tokens = 1300;
  const rows = randomRows(shape, tokens, 12);

  it.each(native.available.map((simd) => [simd]))('%s', (simd) => {
    for (const plan of [densePlan(shape), bandedPlan(shape, 1024, [1], { denseUpTo: 1024 })]) {
      const spec = cacheSpec(plan, { simd, storage: 'bf16', maxRows: 512 });
      // more than 512 KB of keys and values before the single tokens begin, or the threads are left out
      const chunks = [512, 512, 200, 1, 1, 2, 3, 4, 5, 1];
      const alone = native.createCache(spec);
      const expected = feed(alone, shape, rows, chunks);
      const shared = native.createCache({ ...spec, threads: 3 });
      expect(firstDifference(feed(shared, shape, rows, chunks), expected)).toBe(-1);
      expect(shared.reach()).toEqual(alone.reach());
    }
  });
});

describe('snapshots', () => {
  const plan = bandedPlan(geometry, 48, [1, 2, 4]);
  const spec = cacheSpec(plan, { layers: 2, maxRows: 64 });
  const rows = randomRows(geometry, 300, 4);

  function both(cache: NativeCache, from: number, to: number) {
    const width = rowWidth(geometry);
    const out = new Float32Array(64 * geometry.heads * geometry.headDim);
    for (let at = from; at < to; at += 50) {
      const size = Math.min(50, to - at);
      cache.begin(size);
      for (const layer of [0, 1]) cache.attend(layer, rows.subarray(at * width, (at + size) * width), out);
      cache.commit();
    }
  }

  it('read in pieces of any size equals read at once', () => {
    const cache = native.createCache(spec);
    both(cache, 0, 230);
    const whole = snapshotOf(cache);
    for (const size of [1, 63, 64, 1000, 4096]) {
      const joined = new Uint8Array(whole.length);
      for (let at = 0; at < whole.length; at += size) cache.readSnapshot(at, joined.subarray(at, at + size));
      expect(firstDifference(joined, whole)).toBe(-1);
    }
  });

  it('entries that stay keep their bytes, and new rings are appended', () => {
    const cache = native.createCache(spec);
    both(cache, 0, 40);
    const early = snapshotOf(cache);
    both(cache, 40, 60);
    const later = snapshotOf(cache);
    expect(later.length).toBeGreaterThan(early.length);
    // 40 of 48 window slots were filled at 40; at 60 the oldest 12 were replaced, the sinks are the same
    const rowBytes = geometry.headDim * 2;
    const same = (slot: number) =>
      Buffer.compare(
        later.subarray(slot * rowBytes, (slot + 1) * rowBytes),
        early.subarray(slot * rowBytes, (slot + 1) * rowBytes),
      ) === 0;
    const sinksBytes = 2 * 2 * 4 * rowBytes; // layers, K and V, sinks
    const window = sinksBytes / rowBytes;
    expect([0, 1, 2, 3].every(same)).toBe(true);
    expect([12, 20, 39].every((slot) => same(window + slot))).toBe(true);
    expect([0, 5, 11].some((slot) => same(window + slot))).toBe(false);
  });

  it('holds nothing for an empty cache, and everything in order for a dense one', () => {
    expect(native.createCache(spec).snapshotBytes()).toBe(0);
    const dense = native.createCache(cacheSpec(densePlan(geometry), { maxRows: 64 }));
    feed(dense, geometry, rows, [64]);
    expect(dense.snapshotBytes()).toBe(300 * geometry.kvHeads * geometry.headDim * 2 * 2);
  });
});
