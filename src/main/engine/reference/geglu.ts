const rootOfTwoOverPi = Math.sqrt(2 / Math.PI);

/**
 * GEGLU (Shazeer 2020, eq. 4): out = gelu(gate) * up with gelu's tanh approximation (Hendrycks & Gimpel 2016,
 * section 2): gelu(g) = g / 2 * (1 + tanh(sqrt(2 / pi) (g + 0.044715 g^3))).
 * @param gate f32 [any], @param up f32 of the same length
 * @param out f32 of the same length; may be one of the two
 */
export function geglu(gate: Float32Array, up: Float32Array, out: Float32Array): void {
  for (let i = 0; i < out.length; i++) {
    const g = gate[i];
    out[i] = 0.5 * g * (1 + Math.tanh(rootOfTwoOverPi * (g + 0.044715 * g ** 3))) * up[i];
  }
}
