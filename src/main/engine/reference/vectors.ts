/** The reference against recorded vectors of dilated attention. */
import type { AttentionVector } from '../attention-vectors.ts';
import { vectorTensor } from '../attention-vectors.ts';
import { dilatedAttention } from './dilated-attention.ts';

export interface VectorErrors {
  readonly name: string;
  /** largest absolute difference to torchscale's output */
  readonly maxAbsError: number;
  /** the same under the paper's head offsets */
  readonly maxAbsErrorPaper: number;
}

/** theta_i of torchscale's XPOS: 10000^(-i/D), D = headDim / 2 pairs. */
export function xposFrequencies(headDim: number): Float64Array {
  return Float64Array.from({ length: headDim / 2 }, (_, i) => 10_000 ** ((-2 * i) / headDim));
}

export function compareWithVector(vector: AttentionVector): VectorErrors {
  const difference = (rule: 'torchscale' | 'paper', expected: string): number => {
    const { heads, kvHeads, tokens, headDim, patterns, causal } = vector;
    const actual = dilatedAttention({
      q: vectorTensor(vector, 'q'),
      k: vectorTensor(vector, 'k'),
      v: vectorTensor(vector, 'v'),
      ...{ heads, kvHeads, tokens, headDim, patterns, causal },
      offsetRule: rule,
      xpos: vector.xpos ? { inverseFrequencies: xposFrequencies(headDim) } : null,
    });
    return maxAbsDifference(actual, vectorTensor(vector, expected));
  };
  return {
    name: vector.name,
    maxAbsError: difference('torchscale', 'o'),
    maxAbsErrorPaper: difference('paper', 'o_paper'),
  };
}

/** Infinity when the lengths differ; NaN counts as Infinity. */
export function maxAbsDifference(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i] - b[i]);
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
  }
  return largest;
}
