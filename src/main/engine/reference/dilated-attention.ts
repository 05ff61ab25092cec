/**
 * LongNet's dilated attention over whole arrays, causal or not: torchscale's semantics, written down pattern by
 * pattern (longnet.md section 1; tested against outputs recorded from torchscale). The cached form that decodes
 * token by token is `ring-attention.ts`; both must give the same rows.
 */
import { headOffset } from '../plan/compile.ts';
import type { DilatedPattern } from '../plan/types.ts';
import { rotate, rotationTable, xposScaleBase } from './rope.ts';

export interface DilatedAttentionInput {
  /** f32 [heads][tokens][headDim] */
  readonly q: Float32Array;
  /** f32 [kvHeads][tokens][headDim] */
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly heads: number;
  readonly kvHeads: number;
  readonly tokens: number;
  readonly headDim: number;
  readonly patterns: readonly DilatedPattern[];
  readonly offsetRule: 'paper' | 'torchscale';
  readonly causal: boolean;
  /** default true: a pattern serves only the queries of its residue class */
  readonly sparseQueries?: boolean;
  /** default null: q and k are taken as they are */
  readonly xpos?: XposOptions | null;
}

export interface XposOptions {
  /** f64 [headDim / 2] */
  readonly inverseFrequencies: Float64Array;
}

interface PatternResult {
  /** log of the sum of exp(score): -Infinity where no key was seen */
  readonly logSumExp: number;
  readonly output: Float64Array;
}

/**
 * @returns f32 [heads][tokens][headDim]; rows that no pattern covers are 0
 */
export function dilatedAttention(input: DilatedAttentionInput): Float32Array {
  const { heads, tokens, headDim } = input;
  const xpos = input.xpos ?? null;
  const { q, k } = xpos === null ? input : rotateWithXpos(input, xpos);
  const out = new Float32Array(heads * tokens * headDim);
  for (let head = 0; head < heads; head++) {
    for (let position = 0; position < tokens; position++) {
      const results = input.patterns
        .map((pattern) => attendPattern(input, q, k, pattern, head, position))
        .filter((result) => result !== null);
      mixByLogSumExp(results, out, (head * tokens + position) * headDim);
    }
  }
  return out;
}

/** The keys of one pattern for one query, and its softmax; null: the query is not in the pattern's sparse set. */
function attendPattern(
  input: DilatedAttentionInput,
  q: Float32Array,
  k: Float32Array,
  pattern: DilatedPattern,
  head: number,
  position: number,
): PatternResult | null {
  const { heads, kvHeads, tokens, headDim, causal } = input;
  const { dilation } = pattern;
  const length = Math.min(pattern.segmentLength, tokens);
  const offset = headOffset(head, heads, dilation, input.offsetRule);
  const start = Math.floor(position / length) * length;
  if ((input.sparseQueries ?? true) && (position - start) % dilation !== offset) return null;

  // A non-causal segment is padded with zero rows to ceil(w / r) slots, and those rows take part (logit 0, value 0).
  const lastSlot = start + offset + (Math.ceil(length / dilation) - 1) * dilation;
  const last = causal ? position : lastSlot;
  const end = Math.min(tokens, start + length);
  const kvHead = Math.floor(head / (heads / kvHeads));
  const query = (head * tokens + position) * headDim;
  const scale = 1 / Math.sqrt(headDim);

  const keys: number[] = [];
  const scores: number[] = [];
  for (let key = start + offset; key <= last; key += dilation) {
    let product = 0;
    if (key < end) {
      const row = (kvHead * tokens + key) * headDim;
      for (let i = 0; i < headDim; i++) product += q[query + i] * k[row + i];
    }
    keys.push(key);
    scores.push(product * scale);
  }
  if (keys.length === 0) return null;

  const largest = scores.reduce((a, b) => Math.max(a, b));
  const output = new Float64Array(headDim);
  let sum = 0;
  for (const [j, key] of keys.entries()) {
    const weight = Math.exp(scores[j] - largest);
    sum += weight;
    if (key >= end) continue;
    const row = (kvHead * tokens + key) * headDim;
    for (let i = 0; i < headDim; i++) output[i] += weight * input.v[row + i];
  }
  for (let i = 0; i < headDim; i++) output[i] /= sum;
  return { logSumExp: largest + Math.log(sum), output };
}

/** out = sum_i a_i O_i, a_i = exp(LSE_i) / sum_j exp(LSE_j) (paper, eq. 9-10). */
function mixByLogSumExp(results: readonly PatternResult[], out: Float32Array, start: number): void {
  const largest = results.reduce((max, { logSumExp }) => Math.max(max, logSumExp), -Infinity);
  const sum = results.reduce((total, { logSumExp }) => total + Math.exp(logSumExp - largest), 0);
  for (const { logSumExp, output } of results) {
    const share = Math.exp(logSumExp - largest) / sum;
    for (let i = 0; i < output.length; i++) out[start + i] += share * output[i];
  }
}

/** q and k after XPOS at their absolute positions, e(t) = (t - ceil(n / 2)) / 512. */
export function rotateWithXpos(
  input: Pick<DilatedAttentionInput, 'q' | 'k' | 'heads' | 'kvHeads' | 'tokens' | 'headDim'>,
  { inverseFrequencies }: XposOptions,
): { q: Float32Array; k: Float32Array } {
  const { tokens, headDim } = input;
  const positions = Float64Array.from({ length: tokens }, (_, t) => t);
  const exponents = positions.map((t) => (t - Math.ceil(tokens / 2)) / xposScaleBase);
  const rotateAll = (x: Float32Array, heads: number, scaleExponents: Float64Array): Float32Array => {
    const table = rotationTable(positions, inverseFrequencies, scaleExponents);
    const rotated = new Float64Array(x.length);
    for (let row = 0; row < heads * tokens; row++) {
      rotate(x, row * headDim, headDim, table, row % tokens, rotated, row * headDim);
    }
    return Float32Array.from(rotated);
  };
  return {
    q: rotateAll(input.q, input.heads, exponents),
    k: rotateAll(
      input.k,
      input.kvHeads,
      exponents.map((e) => -e),
    ),
  };
}
