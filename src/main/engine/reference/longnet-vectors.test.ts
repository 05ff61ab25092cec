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

const notCausal = ['noncausal_padded'];
const causal = [
  ...[
    'basic',
    'n_not_div_w',
    'n_lt_w',
    'H_not_div_r',
    'H9_GQA3_r16',
    'H_lt_r',
    'no_r1_uncovered',
    'one_token',
  ],
  'xpos',
];
/** skipped with the reason in the title where the data is not there */
const onCases = (names: readonly string[]) => it.skipIf(data.missing).each(names);
const reason = data.missing ? ' (no test data: data/longnet)' : '';

function vectorNamed(name: string): AttentionVector {
  const vector = vectors.find((each) => each.name === name);
  if (vector === undefined) throw new Error(`data/longnet has no case ${name}`);
  return vector;
}

it.skipIf(data.missing)(`every case of data/longnet is tested${reason}`, () => {
  expect(vectors.map(({ name }) => name).sort()).toEqual([...causal, ...notCausal].sort());
});

describe('dilated attention over whole arrays', () => {
  onCases([...causal, ...notCausal])(`%s: equals torchscale and the paper to 1e-4${reason}`, (name) => {
    const errors = compareWithVector(vectorNamed(name));
    expect(errors.maxAbsError).toBeLessThan(tolerance);
    expect(errors.maxAbsErrorPaper).toBeLessThan(tolerance);
  });

  onCases(['xpos'])(`%s: q and k after XPOS equal torchscale${reason}`, (name) => {
    const vector = vectorNamed(name);
    const input = { ...vector, q: vectorTensor(vector, 'q'), k: vectorTensor(vector, 'k') };
    const { q, k } = rotateWithXpos(input, { inverseFrequencies: xposFrequencies(vector.headDim) });
    expect(maxAbsDifference(q, vectorTensor(vector, 'qr'))).toBeLessThan(1e-5);
    expect(maxAbsDifference(k, vectorTensor(vector, 'kr'))).toBeLessThan(1e-5);
  });

  onCases(['basic', 'H_not_div_r', 'H9_GQA3_r16', 'xpos', 'noncausal_padded'])(
    `%s: the two offset rules differ, so a mix-up would be seen${reason}`,
    (name) => {
      const vector = vectorNamed(name);
      const difference = maxAbsDifference(vectorTensor(vector, 'o'), vectorTensor(vector, 'o_paper'));
      expect(difference).toBeGreaterThan(0.1);
    },
  );
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
  const cache = new ReferenceCache(compiled, [compiled], chunk);
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
  onCases(causal)(
    `%s: token by token and in chunks of 7 equals torchscale and the paper${reason}`,
    (name) => {
      const vector = vectorNamed(name);
      for (const chunk of [1, 7]) {
        const torchscale = throughRings(vector, 'torchscale', chunk);
        expect(maxAbsDifference(torchscale, vectorTensor(vector, 'o'))).toBeLessThan(tolerance);
        const paper = throughRings(vector, 'paper', chunk);
        expect(maxAbsDifference(paper, vectorTensor(vector, 'o_paper'))).toBeLessThan(tolerance);
      }
    },
  );

  onCases(causal)(`%s: the same bits for every chunk length${reason}`, (name) => {
    const vector = vectorNamed(name);
    const whole = throughRings(vector, 'torchscale', vector.tokens);
    for (const chunk of [1, 3, 16]) expect(throughRings(vector, 'torchscale', chunk)).toEqual(whole);
  });
});
