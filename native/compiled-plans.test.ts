/** The addon over plans as `compilePlan` makes them: torchscale's recorded vectors, and the presets at small size. */
import { describe, expect, it } from 'vitest';
import {
  readAttentionVectors,
  vectorTensor,
  type AttentionVector,
} from '../src/main/engine/attention-vectors.ts';
import { compilePlan } from '../src/main/engine/plan/compile.ts';
import { longnetPlan, preset } from '../src/main/engine/plan/presets.ts';
import { testData } from '../src/main/engine/testing/test-data.ts';
import { cacheSpec, feed, nmse, randomRows, referenceAttention } from './attention-fixtures.ts';
import { loadNative } from './index.ts';

const native = loadNative();
const data = testData('longnet');
const vectors = data.missing ? [] : await readAttentionVectors(data.path);

/** [head, token, headDim] tensors of a case as q | k | v rows. */
function rowsOf(vector: AttentionVector): Float32Array {
  const { tokens, heads, kvHeads, headDim } = vector;
  const rows = new Float32Array(tokens * (heads + 2 * kvHeads) * headDim);
  let at = 0;
  for (let t = 0; t < tokens; t++) {
    for (const [name, count] of [
      ['q', heads],
      ['k', kvHeads],
      ['v', kvHeads],
    ] as const) {
      const tensor = vectorTensor(vector, name);
      for (let h = 0; h < count; h++, at += headDim)
        rows.set(tensor.subarray((h * tokens + t) * headDim, (h * tokens + t + 1) * headDim), at);
    }
  }
  return rows;
}

/** Largest difference between rows [token][head][headDim] and the case's tensor [head][token][headDim]. */
function largestDifference(vector: AttentionVector, out: Float32Array, expected: string): number {
  const { tokens, heads, headDim } = vector;
  const tensor = vectorTensor(vector, expected);
  let largest = 0;
  for (let h = 0; h < heads; h++)
    for (let t = 0; t < tokens; t++)
      for (let i = 0; i < headDim; i++) {
        const difference = Math.abs(
          (out[(t * heads + h) * headDim + i] as number) - (tensor[(h * tokens + t) * headDim + i] as number),
        );
        if (!(difference <= largest)) largest = difference;
      }
  return largest;
}

function runVector(vector: AttentionVector, offsetRule: 'paper' | 'torchscale', storage: 'f32' | 'bf16') {
  const { patterns, heads, kvHeads, headDim, xpos } = vector;
  const plan = longnetPlan({ patterns, offsetRule, positions: xpos ? 'xpos' : 'rope' });
  const compiled = compilePlan(plan, { heads, kvHeads, headDim, trainedLength: 64 });
  const turn = (i: number) => (xpos ? 10000 ** ((-2 * i) / headDim) : 0);
  const cache = native.createCache(
    cacheSpec(compiled, {
      storage,
      xpos: xpos ? { scaleBase: 512 } : null,
      inverseFrequencies: Float64Array.from({ length: headDim / 2 }, (_, i) => turn(i)),
    }),
  );
  return feed(cache, vector, rowsOf(vector), [64, 1, 13]);
}

describe('torchscale vectors', () => {
  const causal = vectors.filter((vector) => vector.causal);
  const title = data.missing ? ' (skipped: no test data, data/longnet)' : '';

  it.skipIf(data.missing)(`the nine causal cases are there${title}`, () => {
    expect(causal).toHaveLength(9);
  });

  it.skipIf(data.missing).each(causal)(`$name: equal to 1e-4 in f32, NMSE 5e-4 in bf16${title}`, (vector) => {
    expect(largestDifference(vector, runVector(vector, 'torchscale', 'f32'), 'o')).toBeLessThan(1e-4);
    expect(largestDifference(vector, runVector(vector, 'paper', 'f32'), 'o_paper')).toBeLessThan(1e-4);
    expect(
      nmse(runVector(vector, 'torchscale', 'bf16'), runVector(vector, 'torchscale', 'f32')),
    ).toBeLessThan(5e-4);
  });
});

describe.each(['dense', 'window', 'adapted', 'longnet'] as const)(
  'preset %s, trained on 64 tokens',
  (name) => {
    const geometry = { heads: 6, kvHeads: 3, headDim: 16, trainedLength: 64 };
    const plan = compilePlan(preset(name, geometry), geometry);
    const rows = randomRows(geometry, 400, 23);
    const expected = referenceAttention(plan, rows);

    it.each(native.available)('%s', (simd) => {
      const cache = native.createCache(cacheSpec(plan, { simd }));
      expect(nmse(feed(cache, geometry, rows, [64, 33]), expected)).toBeLessThan(5e-4);
    });

    it('f32', () => {
      const cache = native.createCache(cacheSpec(plan, { storage: 'f32' }));
      expect(nmse(feed(cache, geometry, rows, [64, 33]), expected)).toBeLessThan(1e-10);
    });
  },
);

it('adapted at 10^9 tokens: fewer than 3 W + 4 keys, in about the memory of 128k', () => {
  const geometry = { heads: 9, kvHeads: 3, headDim: 64, trainedLength: 8192 };
  const plan = compilePlan(preset('adapted', geometry), geometry);
  const at = (position: number) => {
    const cache = native.createCache(cacheSpec(plan, { maxRows: 128 }));
    cache.fillSynthetic(position, 1);
    const { exact, sparse } = cache.reach();
    const { bytes } = cache;
    cache.release();
    return { keys: exact + sparse, exact, bytes };
  };
  const far = at(1e9);
  expect(far.exact).toBe(2048 + 4);
  expect(far.keys).toBeLessThan(3 * 2048 + 4);
  expect(far.keys).toBeGreaterThan(2.9 * 2048);
  // rings are rounded up to blocks of 64 entries: 13 more bands, nearly empty ones
  expect(far.bytes).toBeLessThan(1.25 * at(131072).bytes);
});
