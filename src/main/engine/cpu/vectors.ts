/** The native kernels against recorded vectors of dilated attention: the causal ones, keys and values in f32. */
import { loadNative } from '../../../../native/index.ts';
import type { AttentionVector } from '../attention-vectors.ts';
import { vectorTensor } from '../attention-vectors.ts';
import { compilePlan } from '../plan/compile.ts';
import type { AttentionPlan } from '../plan/types.ts';
import { maxAbsDifference, xposFrequencies } from '../reference/vectors.ts';
import type { VectorErrors } from '../reference/vectors.ts';

/** torchscale's xpos_relative_position.py */
const xposScaleBase = 512;

/** @returns null for a case that is not causal: a cache has no later keys */
export function compareNativeWithVector(vector: AttentionVector): VectorErrors | null {
  if (!vector.causal) return null;
  return {
    name: vector.name,
    maxAbsError: maxAbsDifference(attend(vector, 'torchscale'), vectorTensor(vector, 'o')),
    maxAbsErrorPaper: maxAbsDifference(attend(vector, 'paper'), vectorTensor(vector, 'o_paper')),
  };
}

/** @returns f32 [heads][tokens][headDim], as the vectors are */
function attend(vector: AttentionVector, offsetRule: 'torchscale' | 'paper'): Float32Array {
  const { tokens, heads, kvHeads, headDim } = vector;
  const cache = loadNative().createCache({
    compiled: compilePlan(planOf(vector, offsetRule), { heads, kvHeads, headDim, trainedLength: tokens }),
    layers: 1,
    maxRows: tokens,
    storage: 'f32',
    // Without XPOS the vectors have no positions at all: rotation by nothing.
    inverseFrequencies: vector.xpos ? xposFrequencies(headDim) : new Float64Array(headDim / 2),
    xpos: vector.xpos ? { scaleBase: xposScaleBase } : null,
  });
  try {
    const out = new Float32Array(tokens * heads * headDim);
    cache.begin(tokens);
    cache.attend(0, rowsOf(vector), out);
    cache.commit();
    return byHead(out, tokens, heads, headDim);
  } finally {
    cache.release();
  }
}

function planOf(vector: AttentionVector, offsetRule: 'torchscale' | 'paper'): AttentionPlan {
  return {
    name: 'longnet',
    alignment: 'aligned',
    patterns: vector.patterns,
    offsetRule,
    sparseQueries: true,
    mixing: 'multiset',
    positions: vector.xpos ? 'xpos' : 'rope',
    sinks: 0,
  };
}

/** f32 [tokens][q heads | k heads | v heads][headDim] */
function rowsOf(vector: AttentionVector): Float32Array {
  const { tokens, heads, kvHeads, headDim } = vector;
  const width = (heads + 2 * kvHeads) * headDim;
  const rows = new Float32Array(tokens * width);
  const place = (name: string, count: number, firstHead: number): void => {
    const tensor = vectorTensor(vector, name);
    for (let head = 0; head < count; head++) {
      for (let token = 0; token < tokens; token++) {
        const from = (head * tokens + token) * headDim;
        rows.set(tensor.subarray(from, from + headDim), token * width + (firstHead + head) * headDim);
      }
    }
  };
  place('q', heads, 0);
  place('k', kvHeads, heads);
  place('v', kvHeads, heads + kvHeads);
  return rows;
}

function byHead(rows: Float32Array, tokens: number, heads: number, headDim: number): Float32Array {
  const out = new Float32Array(rows.length);
  for (let token = 0; token < tokens; token++) {
    for (let head = 0; head < heads; head++) {
      const from = (token * heads + head) * headDim;
      out.set(rows.subarray(from, from + headDim), (head * tokens + token) * headDim);
    }
  }
  return out;
}
