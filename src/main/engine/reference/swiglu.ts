/**
 * SwiGLU's gate (Shazeer 2020, eq. 5): out = silu(gate) * up, silu(g) = g / (1 + exp(-g)).
 * @param gate f32 [any], @param up f32 of the same length
 * @param out f32 of the same length; may be one of the two
 */
export function swiglu(gate: Float32Array, up: Float32Array, out: Float32Array): void {
  for (let i = 0; i < out.length; i++) out[i] = (gate[i] / (1 + Math.exp(-gate[i]))) * up[i];
}
