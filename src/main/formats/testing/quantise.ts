/**
 * Simple round-to-nearest quantisers, so that tests can build tensors of every type. Not those of llama.cpp to the
 * last bit, which search for better scales.
 */
import { halfToFloat } from '../half.ts';

const blockLength = 32;

/**
 * @param values a multiple of 32 for the block formats
 * @returns bytes as in a GGUF file
 */
export function quantise(
  type: 'F32' | 'F16' | 'BF16' | 'Q4_0' | 'Q4_1' | 'Q8_0',
  values: Float32Array,
): Uint8Array {
  if (type === 'F32') return new Uint8Array(values.slice().buffer);
  if (type === 'F16') return new Uint8Array(Uint16Array.from(values, floatToHalf).buffer);
  if (type === 'BF16')
    return new Uint8Array(Uint16Array.from(bitsOf(values), (bits) => (bits + 0x8000) >>> 16).buffer);
  const encodeBlock = { Q4_0: encodeQ4_0, Q4_1: encodeQ4_1, Q8_0: encodeQ8_0 }[type];
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < values.length; at += blockLength)
    blocks.push(encodeBlock(values.subarray(at, at + blockLength)));
  return new Uint8Array(Buffer.concat(blocks));
}

function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.slice().buffer);
}

/** Nearest binary16 (ties to even by the f32 rounding of the scaled fraction), for finite values. */
export function floatToHalf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude >= 65_520) return sign | 0x7c00;
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude)));
  const steps = roundHalfToEven(magnitude / 2 ** (exponent - 10));
  // steps = 2048 carries into the exponent by itself; steps < 1024 is a subnormal number
  return sign | (((exponent + 14) << 10) + steps);
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

function encodeQ8_0(block: Float32Array): Uint8Array {
  const d = floatToHalf(largestMagnitude(block) / 127);
  const inverse = reciprocal(halfToFloat(d));
  const quants = Int8Array.from(block, (value) => clamp(Math.round(value * inverse), -127, 127));
  return Uint8Array.from([d & 255, d >> 8, ...new Uint8Array(quants.buffer)]);
}

function encodeQ4_0(block: Float32Array): Uint8Array {
  const d = floatToHalf(largestMagnitude(block) / 7);
  const inverse = reciprocal(halfToFloat(d));
  const quants = Array.from(block, (value) => clamp(Math.round(value * inverse) + 8, 0, 15));
  return Uint8Array.from([d & 255, d >> 8, ...nibbles(quants)]);
}

function encodeQ4_1(block: Float32Array): Uint8Array {
  const least = Math.min(...block);
  const d = floatToHalf((Math.max(...block) - least) / 15);
  const m = floatToHalf(least);
  const inverse = reciprocal(halfToFloat(d));
  const minimum = halfToFloat(m);
  const quants = Array.from(block, (value) => clamp(Math.round((value - minimum) * inverse), 0, 15));
  return Uint8Array.from([d & 255, d >> 8, m & 255, m >> 8, ...nibbles(quants)]);
}

function nibbles(quants: readonly number[]): number[] {
  return Array.from({ length: blockLength / 2 }, (_, j) => quants[j] | (quants[j + blockLength / 2] << 4));
}

function largestMagnitude(block: Float32Array): number {
  return block.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
}

function reciprocal(value: number): number {
  return value === 0 ? 0 : 1 / value;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
