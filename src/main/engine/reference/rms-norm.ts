/**
 * RMSNorm (Zhang & Sennrich 2019, eq. 4): y_i = x_i / sqrt(mean(x^2) + epsilon) * weight_i, per row.
 * @param x f32 [rows][width]
 * @param weight f32 [width]
 * @param out f32 [rows][width]; may be x
 */
export function rmsNorm(x: Float32Array, weight: Float32Array, epsilon: number, out: Float32Array): void {
  const width = weight.length;
  for (let start = 0; start < x.length; start += width) {
    let sum = 0;
    for (let i = 0; i < width; i++) sum += x[start + i] * x[start + i];
    const scale = 1 / Math.sqrt(sum / width + epsilon);
    for (let i = 0; i < width; i++) out[start + i] = x[start + i] * scale * weight[i];
  }
}
