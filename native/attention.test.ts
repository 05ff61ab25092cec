/** Attention of the native addon against an independent f64 reference, for every instruction set of this machine. */
import { describe, expect, it } from 'vitest';
import {
  alignedPlan,
  bandedPlan,
  cacheSpec,
  densePlan,
  feed,
  nmse,
  randomRows,
  referenceAttention,
  visibleKeys,
} from './attention-fixtures.ts';
import { loadNative } from './index.ts';

const native = loadNative();

const small = { heads: 6, kvHeads: 2, headDim: 16 };
const cases = [
  { name: 'dense', plan: densePlan(small), tokens: 300 },
  {
    name: 'dense, one KV head per head, head dim 10',
    plan: densePlan({ heads: 3, kvHeads: 3, headDim: 10 }),
    tokens: 70,
  },
  {
    name: 'dense, head dim 80, group of 7',
    plan: densePlan({ heads: 7, kvHeads: 1, headDim: 80 }),
    tokens: 90,
  },
  { name: 'dense, head dim 2', plan: densePlan({ heads: 2, kvHeads: 1, headDim: 2 }), tokens: 40 },
  { name: 'window 16 + bands to stride 32', plan: bandedPlan(small, 16, [1, 2, 4, 5]), tokens: 500 },
  { name: 'window only, 3 sinks', plan: bandedPlan(small, 24, [], { sinks: 3 }), tokens: 200 },
  { name: 'window without sinks', plan: bandedPlan(small, 40, [], { sinks: 0 }), tokens: 200 },
  {
    name: 'dense up to 100, then window 32',
    plan: bandedPlan(small, 32, [], { denseUpTo: 100 }),
    tokens: 300,
  },
  {
    name: 'dense up to 100, then window 32 + bands',
    plan: bandedPlan(small, 32, [1, 3], { denseUpTo: 100 }),
    tokens: 300,
  },
  {
    name: 'aligned segments, sparse queries, multiset, GQA',
    plan: alignedPlan({ heads: 9, kvHeads: 3, headDim: 8 }, [
      [8, 1],
      [16, 2],
      [32, 4],
      [64, 8],
      [128, 16],
    ]),
    tokens: 300,
  },
  {
    name: 'aligned, queries that no pattern serves',
    plan: alignedPlan({ heads: 4, kvHeads: 4, headDim: 8 }, [
      [16, 4],
      [64, 8],
    ]),
    tokens: 150,
  },
] as const;

describe.each(cases)('$name', ({ plan, tokens }) => {
  const rows = randomRows(plan.geometry, tokens, 7);
  const expected = referenceAttention(plan, rows);

  it('f32 storage: NMSE <= 1e-10', () => {
    const cache = native.createCache(cacheSpec(plan, { storage: 'f32' }));
    expect(nmse(feed(cache, plan.geometry, rows, [64, 1, 37]), expected)).toBeLessThan(1e-10);
    cache.release();
  });

  it.each(native.available)('bf16 storage, %s: NMSE <= 5e-4', (simd) => {
    const cache = native.createCache(cacheSpec(plan, { simd }));
    expect(nmse(feed(cache, plan.geometry, rows, [64, 1, 37]), expected)).toBeLessThan(5e-4);
    cache.release();
  });

  it('counts the keys of the last row in KV head 0', () => {
    const cache = native.createCache(cacheSpec(plan));
    feed(cache, plan.geometry, rows, [64]);
    const counted = { exact: 0, sparse: 0 };
    for (const layout of plan.rings) {
      if (layout.firstHead > 0) continue;
      const keys = visibleKeys(layout, plan.sinkCount, tokens - 1).length;
      counted[layout.stride === 1 ? 'exact' : 'sparse'] += keys;
    }
    expect(cache.reach()).toEqual(counted);
    cache.release();
  });
});

it('XPOS: relative to the segment, equal to the reference', () => {
  const plan = alignedPlan({ heads: 4, kvHeads: 2, headDim: 8 }, [
    [16, 1],
    [64, 4],
  ]);
  const rows = randomRows(plan.geometry, 200, 3);
  const expected = referenceAttention(plan, rows, 16);
  for (const storage of ['f32', 'bf16'] as const) {
    const cache = native.createCache(cacheSpec(plan, { storage, xpos: { scaleBase: 16 } }));
    expect(nmse(feed(cache, plan.geometry, rows, [50]), expected)).toBeLessThan(
      storage === 'f32' ? 1e-10 : 5e-4,
    );
  }
});

it('queries that nothing covers give 0', () => {
  const plan = alignedPlan({ heads: 2, kvHeads: 2, headDim: 8 }, [[16, 4]]);
  const cache = native.createCache(cacheSpec(plan));
  const out = feed(cache, plan.geometry, randomRows(plan.geometry, 8, 1), [8]);
  // head 0 serves positions 0 and 4, head 1 positions 1 and 5
  const covered = (p: number, h: number) =>
    out.subarray((p * 2 + h) * 8, (p * 2 + h) * 8 + 8).some((x) => x !== 0);
  expect([0, 1, 2, 3, 4, 5, 6, 7].map((p) => [covered(p, 0), covered(p, 1)])).toEqual(
    [0, 1, 2, 3, 4, 5, 6, 7].map((p) => [p % 4 === 0, p % 4 === 1]),
  );
});
