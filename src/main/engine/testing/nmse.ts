/**
 * Normalised mean squared error, sum((a - b)^2) / sum(b^2): the measure of design section 3.
 * @param expected the reference
 * @returns Infinity when the lengths differ or a number is not finite; 0 when both are all zero
 */
export function nmse(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let error = 0;
  let energy = 0;
  for (let i = 0; i < expected.length; i++) {
    error += (actual[i] - expected[i]) ** 2;
    energy += expected[i] ** 2;
  }
  if (!Number.isFinite(error)) return Infinity;
  return error === 0 ? 0 : error / energy;
}

/**
 * Logits with each row's mean taken off, in place: softmax does not see a row's constant, and some peers don't tell it.
 * @param logits f32 [rows][vocabulary]
 */
export function centreRows(logits: Float32Array, vocabulary: number): Float32Array {
  for (let start = 0; start < logits.length; start += vocabulary) {
    const row = logits.subarray(start, start + vocabulary);
    const mean = row.reduce((sum, value) => sum + value, 0) / vocabulary;
    for (let i = 0; i < vocabulary; i++) row[i] -= mean;
  }
  return logits;
}

/** Error bounds of design section 3. */
export const bounds = {
  /** one operation, all f32 */
  f32: 1e-6,
  /** one operation with 16-bit or int8 operands */
  reduced: 5e-4,
  /** logits of the whole model */
  logits: 3e-3,
} as const;
