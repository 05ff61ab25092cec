import { describe, expect, it } from 'vitest';
import type { AttentionVector } from '../attention-vectors.ts';
import { readAttentionVectors, vectorTensor } from '../attention-vectors.ts';
import { compilePlan } from '../plan/compile.ts';
import { longnetPlan } from '../plan/presets.ts';
import { testData } from '../testing/test-data.ts';
import { rotateWithXpos } from './dilated-attention.ts';
import { ReferenceCache } from './reference-cache.ts';
import { prepareChunk, ringAttention } from './ring-attention.ts';
import { compareWithVector, maxAbsDifference, xposFrequencies } from './vectors.ts';

const data = testData('longnet');
const vectors = data.missing ? [] : await readAttentionVectors(data.path);
const tolerance = 1e-4;

it.skipIf(data.missing)('data/longnet is there (else: skipped, no test data)', () => {
  expect(vectors.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      'basic',
      'H9_GQA3_r16',
      'no_r1_uncovered',
      'noncausal_padded',
      'xpos',
      'one_token',
    ]),
  );
});

describe('dilated attention over whole arrays', () => {
  it.each(vectors)('$name: equals torchscale and the paper to 1e-4', (vector) => {
    const errors = compareWithVector(vector);
    expect(errors.maxAbsError).toBeLessThan(tolerance);
    expect(errors.maxAbsErrorPaper).toBeLessThan(tolerance);
  });

  it.each(vectors.filter(({ xpos }) => xpos))('$name: q and k after XPOS equal torchscale', (vector) => {
    const input = { ...vector, q: vectorTensor(vector, 'q'), k: vectorTensor(vector, 'k') };
    const { q, k } = rotateWithXpos(input, { inverseFrequencies: xposFrequencies(vector.headDim) });
    expect(maxAbsDifference(q, vectorTensor(vector, 'qr'))).toBeLessThan(1e-5);
    expect(maxAbsDifference(k, vectorTensor(vector, 'kr'))).toBeLessThan(1e-5);
  });

  it.each(
    vectors.filter(({ heads, patterns }) =>
      patterns.some(({ dilation }) => dilation > 1 && dilation < heads),
    ),
  )('$name: the offset rules differ, so the test can fail', (vector) => {
    const o = vectorTensor(vector, 'o');
    expect(maxAbsDifference(o, vectorTensor(vector, 'o_paper'))).toBeGreaterThan(0.1);
  });
});

/** Through the cache: rows in chunks, keys and values in rings. */
function throughRings(vector: AttentionVector, rule: 'paper' | 'torchscale', chunk: number): Float32Array {
  const { heads, kvHeads, headDim, tokens } = vector;
  const plan = longnetPlan({
    patterns: vector.patterns,
    offsetRule: rule,
    positions: vector.xpos ? 'xpos' : 'rope',
  });
  const compiled = compilePlan(plan, { heads, kvHeads, headDim, trainedLength: 64 });
  const cache = new ReferenceCache(compiled, 1, chunk);
  // without XPOS the vectors have no rotation at all: frequency 0
  const frequencies = vector.xpos ? xposFrequencies(headDim) : new Float64Array(headDim / 2);
  const out = new Float32Array(heads * tokens * headDim);
  for (let position = 0; position < tokens; position += chunk) {
    const rows = Math.min(chunk, tokens - position);
    const q = rowsOf(vectorTensor(vector, 'q'), vector, heads, position, rows);
    const k = rowsOf(vectorTensor(vector, 'k'), vector, kvHeads, position, rows);
    const v = rowsOf(vectorTensor(vector, 'v'), vector, kvHeads, position, rows);
    const attention = new Float32Array(q.length);
    cache.take(0, rows, k, v);
    const prepared = prepareChunk(compiled, frequencies, position, rows);
    cache.commit(rows, ringAttention(prepared, cache.stores(0), q, attention));
    for (let row = 0; row < rows; row++) {
      for (let head = 0; head < heads; head++) {
        const from = (row * heads + head) * headDim;
        out.set(attention.subarray(from, from + headDim), (head * tokens + position + row) * headDim);
      }
    }
  }
  return out;
}

/** [heads][tokens][d] to [rows][heads][d] */
function rowsOf(
  x: Float32Array,
  { tokens, headDim }: AttentionVector,
  heads: number,
  position: number,
  rows: number,
): Float32Array {
  const out = new Float32Array(rows * heads * headDim);
  for (let row = 0; row < rows; row++) {
    for (let head = 0; head < heads; head++) {
      const from = (head * tokens + position + row) * headDim;
      out.set(x.subarray(from, from + headDim), (row * heads + head) * headDim);
    }
  }
  return out;
}

describe('dilated attention through the rings of a cache (causal cases)', () => {
  const causal = vectors.filter((vector) => vector.causal);

  it.each(causal)('$name: token by token and in chunks of 7 equals torchscale and the paper', (vector) => {
    for (const chunk of [1, 7]) {
      const torchscale = throughRings(vector, 'torchscale', chunk);
      expect(maxAbsDifference(torchscale, vectorTensor(vector, 'o'))).toBeLessThan(tolerance);
      const paper = throughRings(vector, 'paper', chunk);
      expect(maxAbsDifference(paper, vectorTensor(vector, 'o_paper'))).toBeLessThan(tolerance);
    }
  });

  it.each(causal)('$name: the same bits for every chunk length', (vector) => {
    const whole = throughRings(vector, 'torchscale', vector.tokens);
    for (const chunk of [1, 3, 16]) expect(throughRings(vector, 'torchscale', chunk)).toEqual(whole);
  });
});
