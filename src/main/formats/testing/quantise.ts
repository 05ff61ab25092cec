/**
 * Simple round-to-nearest quantisers, so that tests can build tensors of every type. Not those of llama.cpp to the
 * last bit, which search for better scales.
 */
import { halfToFloat } from '../half.ts';
import type { TensorType } from '../gguf/types.ts';
import { floatToHalf } from './float-to-half.ts';
import { quantiseK } from './quantise-k.ts';

const blockLength = 32;

export type QuantisedType = Exclude<TensorType, 'OTHER'>;

/**
 * @param values a multiple of 32 for the block formats, of 256 for the k-quants
 * @returns bytes as in a GGUF file
 */
export function quantise(type: QuantisedType, values: Float32Array): Uint8Array {
  if (type === 'F32') return new Uint8Array(values.slice().buffer);
  if (type === 'F16') return new Uint8Array(Uint16Array.from(values, floatToHalf).buffer);
  if (type === 'BF16')
    return new Uint8Array(Uint16Array.from(bitsOf(values), (bits) => (bits + 0x8000) >>> 16).buffer);
  if (type === 'Q4_K' || type === 'Q5_K' || type === 'Q6_K') return quantiseK(type, values);
  const encodeBlock = {
    Q4_0: encodeQ4_0,
    Q4_1: encodeQ4_1,
    Q5_0: encodeQ5_0,
    Q5_1: encodeQ5_1,
    Q8_0: encodeQ8_0,
  }[type];
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < values.length; at += blockLength)
    blocks.push(encodeBlock(values.subarray(at, at + blockLength)));
  return new Uint8Array(Buffer.concat(blocks));
}

function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.slice().buffer);
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

function encodeQ5_0(block: Float32Array): Uint8Array {
  const d = floatToHalf(largestMagnitude(block) / 15);
  const inverse = reciprocal(halfToFloat(d));
  const quants = Array.from(block, (value) => clamp(Math.round(value * inverse) + 16, 0, 31));
  return Uint8Array.from([d & 255, d >> 8, ...fifthBits(quants), ...nibbles(quants)]);
}

function encodeQ5_1(block: Float32Array): Uint8Array {
  const least = Math.min(...block);
  const d = floatToHalf((Math.max(...block) - least) / 31);
  const m = floatToHalf(least);
  const inverse = reciprocal(halfToFloat(d));
  const minimum = halfToFloat(m);
  const quants = Array.from(block, (value) => clamp(Math.round((value - minimum) * inverse), 0, 31));
  return Uint8Array.from([d & 255, d >> 8, m & 255, m >> 8, ...fifthBits(quants), ...nibbles(quants)]);
}

/** bit j of the four bytes is the fifth of quant j */
function fifthBits(quants: readonly number[]): Uint8Array {
  const bits = new Uint8Array(4);
  quants.forEach((q, j) => {
    bits[j >> 3] |= (q >> 4) << (j & 7);
  });
  return bits;
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
  return Array.from({ length: blockLength / 2 }, (_, j) => {
    return (quants[j] & 15) | ((quants[j + blockLength / 2] & 15) << 4);
  });
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
