/**
 * Rotary position embedding (Su et al. 2021) over interleaved pairs (2i, 2i+1), as the rows of a llama GGUF are
 * laid out, and XPOS (Sun et al. 2022), its scaled form. Angles are f64: at position 10^9 an f32 angle would be
 * off by a full turn.
 */

/** XPOS's scale_base in torchscale: the exponent of zeta grows by one in so many tokens. */
export const xposScaleBase = 512;

/** cos and sin, times XPOS's scale where there is one: f64 [positions][pairs] */
export interface RotationTable {
  readonly cos: Float64Array;
  readonly sin: Float64Array;
  readonly pairs: number;
}

/**
 * @param positions f64 [n]; may be fractional or negative
 * @param inverseFrequencies f64 [pairs], radians per position
 * @param scaleExponents XPOS only: f64 [n], e(t) of each position (negated for keys); pair i is scaled by
 *   zeta_i^e(t)
 */
export function rotationTable(
  positions: Float64Array,
  inverseFrequencies: Float64Array,
  scaleExponents?: Float64Array,
): RotationTable {
  const pairs = inverseFrequencies.length;
  const cos = new Float64Array(positions.length * pairs);
  const sin = new Float64Array(positions.length * pairs);
  for (let n = 0; n < positions.length; n++) {
    for (let i = 0; i < pairs; i++) {
      const angle = positions[n] * inverseFrequencies[i];
      const scale = scaleExponents === undefined ? 1 : xposZeta(i, pairs) ** scaleExponents[n];
      cos[n * pairs + i] = Math.cos(angle) * scale;
      sin[n * pairs + i] = Math.sin(angle) * scale;
    }
  }
  return { cos, sin, pairs };
}

/** zeta_i = (2i + 0.4 d) / (1.4 d), d = 2 * pairs (torchscale, xpos_relative_position.py). */
export function xposZeta(pair: number, pairs: number): number {
  return (2 * pair + 0.8 * pairs) / (2.8 * pairs);
}

/**
 * Rotates one head's vector by the table's entry `n`; dimensions beyond 2 * pairs are copied.
 * @param x [.., width] from `start`; @param out f64 [.., width] from `outStart`
 */
export function rotate(
  x: Float32Array | Float64Array,
  start: number,
  width: number,
  table: RotationTable,
  n: number,
  out: Float64Array,
  outStart: number,
): void {
  const { cos, sin, pairs } = table;
  for (let i = 0; i < pairs; i++) {
    const a = x[start + 2 * i];
    const b = x[start + 2 * i + 1];
    const c = cos[n * pairs + i];
    const s = sin[n * pairs + i];
    out[outStart + 2 * i] = a * c - b * s;
    out[outStart + 2 * i + 1] = a * s + b * c;
  }
  for (let i = 2 * pairs; i < width; i++) out[outStart + i] = x[start + i];
}
