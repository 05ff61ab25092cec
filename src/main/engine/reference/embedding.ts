/**
 * Rows of the token embedding.
 * @param table f32 [vocabulary][width]
 * @param ids token ids, each in [0, vocabulary)
 * @param out f32 [ids.length][width]
 */
export function embedding(table: Float32Array, width: number, ids: Int32Array, out: Float32Array): void {
  for (let row = 0; row < ids.length; row++) {
    const start = ids[row] * width;
    out.set(table.subarray(start, start + width), row * width);
  }
}
