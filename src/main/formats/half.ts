/** 16-bit floats as 32-bit ones. */

let table: Float32Array | undefined;

/**
 * IEEE 754 binary16 to binary32: every one of the 65,536 values, by a table that is built once (256 KiB). Quantised
 * blocks hold one or two of them per 32 weights, and a look-up is several times faster than the arithmetic.
 */
export function halfToFloatTable(): Float32Array {
  table ??= Float32Array.from({ length: 65_536 }, (_, bits) => halfToFloat(bits));
  return table;
}

/** One binary16 value. @param bits 0 … 65535 */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
