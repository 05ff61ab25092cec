/**
 * One softmax over a multiset of keys that lie in several parts: what LongNet's mixing by log-sum-exp equals
 * (paper, section 3.1: "equivalent to gather keys in different parts and calculate softmax together"), and what
 * window, bands and sinks are. The specification of every attention kernel.
 */

/** A run of keys and values for one query, with its own rotation of both. */
export interface AttentionPart {
  /** f64 [headDim]: the query as rotated for this part, from `queryStart` */
  readonly query: Float64Array;
  readonly queryStart: number;
  /** f64: rotated keys, headDim apart, the first at `keyStart` */
  readonly keys: Float64Array;
  readonly keyStart: number;
  /** f32: values in a ring of `capacity` slots of headDim; key j has slot (firstSlot + j) mod capacity */
  readonly values: Float32Array;
  readonly firstSlot: number;
  readonly capacity: number;
  readonly count: number;
}

/**
 * out = sum_j softmax_j(q . k_j / sqrt(d)) v_j over the keys of all parts, in order; a key that lies in c parts
 * counts c times. No key at all: zeros (torchscale's uncovered query).
 * @param out f32, headDim numbers from `outStart`
 * @param softCap c: scores become c tanh(score / c) before the softmax (Gemma 2); null: none
 */
export function attend(
  parts: readonly AttentionPart[],
  headDim: number,
  out: Float32Array,
  outStart: number,
  softCap: number | null = null,
): void {
  const scores = new Float64Array(parts.reduce((sum, part) => sum + part.count, 0));
  const scale = 1 / Math.sqrt(headDim);
  let largest = -Infinity;
  let n = 0;
  for (const { query, queryStart, keys, keyStart, count } of parts) {
    for (let j = 0; j < count; j++) {
      const key = keyStart + j * headDim;
      let product = 0;
      for (let i = 0; i < headDim; i++) product += query[queryStart + i] * keys[key + i];
      const plain = product * scale;
      const score = softCap === null ? plain : softCap * Math.tanh(plain / softCap);
      scores[n++] = score;
      if (score > largest) largest = score;
    }
  }

  const sum = new Float64Array(headDim);
  let denominator = 0;
  n = 0;
  for (const { values, firstSlot, capacity, count } of parts) {
    for (let j = 0; j < count; j++) {
      const weight = Math.exp(scores[n++] - largest);
      const value = ((firstSlot + j) % capacity) * headDim;
      denominator += weight;
      for (let i = 0; i < headDim; i++) sum[i] += weight * values[value + i];
    }
  }
  for (let i = 0; i < headDim; i++) out[outStart + i] = denominator === 0 ? 0 : sum[i] / denominator;
}
