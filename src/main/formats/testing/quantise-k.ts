/** Round-to-nearest quantisers of ggml's k-quants, for tests; layouts as in `gguf/dequantise-k.ts`. */
import { halfToFloat } from '../half.ts';
import { floatToHalf } from './float-to-half.ts';

const superBlock = 256;

/** @param values a multiple of 256 */
export function quantiseK(type: 'Q4_K' | 'Q5_K' | 'Q6_K', values: Float32Array): Uint8Array {
  const encode = { Q4_K: encodeQ4_K, Q5_K: encodeQ5_K, Q6_K: encodeQ6_K }[type];
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < values.length; at += superBlock) {
    blocks.push(encode(values.subarray(at, at + superBlock)));
  }
  return new Uint8Array(Buffer.concat(blocks));
}

function encodeQ4_K(values: Float32Array): Uint8Array {
  const { head, quants } = encodeBlocks(values, 15);
  return Uint8Array.from([...head, ...nibbles(quants)]);
}

function encodeQ5_K(values: Float32Array): Uint8Array {
  const { head, quants } = encodeBlocks(values, 31);
  const fifths = new Uint8Array(32);
  quants.forEach((q, n) => {
    fifths[n & 31] |= (q >> 4) << (n >> 5);
  });
  return Uint8Array.from([...head, ...fifths, ...nibbles(quants)]);
}

/** d, dmin and scales of eight blocks of 32, and the quants 0 … largest. */
function encodeBlocks(values: Float32Array, largest: number): { head: number[]; quants: Uint8Array } {
  const blocks = Array.from({ length: 8 }, (_, b) => values.subarray(32 * b, 32 * b + 32));
  const minimums = blocks.map((block) => Math.max(0, -Math.min(...block)));
  const ranges = blocks.map((block, b) => Math.max(...block) + minimums[b]);
  const d = floatToHalf(Math.max(...ranges) / largest / 63);
  const dmin = floatToHalf(Math.max(...minimums) / 63);
  const sixBits = (value: number, unit: number): number =>
    unit === 0 ? 0 : Math.min(63, Math.max(0, Math.round(value / unit)));
  const scales = ranges.map((range) => sixBits(range / largest, halfToFloat(d)));
  const mins = minimums.map((minimum) => sixBits(minimum, halfToFloat(dmin)));
  const quants = Uint8Array.from(values, (value, n) => {
    const scale = halfToFloat(d) * scales[n >> 5];
    const shifted = value + halfToFloat(dmin) * mins[n >> 5];
    return scale === 0 ? 0 : Math.min(largest, Math.max(0, Math.round(shifted / scale)));
  });
  const packed = Array.from({ length: 12 }, (_, i) => {
    if (i < 4) return scales[i] | ((scales[i + 4] >> 4) << 6);
    if (i < 8) return mins[i - 4] | ((mins[i] >> 4) << 6);
    return (scales[i - 4] & 15) | ((mins[i - 4] & 15) << 4);
  });
  return { head: [d & 255, d >> 8, dmin & 255, dmin >> 8, ...packed], quants };
}

function nibbles(quants: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: 128 }, (_, i) => {
    const low = 64 * (i >> 5) + (i & 31);
    return (quants[low] & 15) | ((quants[low + 32] & 15) << 4);
  });
}

function encodeQ6_K(values: Float32Array): Uint8Array {
  const blocks = Array.from({ length: 16 }, (_, b) => values.subarray(16 * b, 16 * b + 16));
  const peaks = blocks.map((block) => block.reduce((peak, value) => Math.max(peak, Math.abs(value)), 0) / 31);
  const d = floatToHalf(Math.max(...peaks) / 127);
  const unit = halfToFloat(d);
  const scales = peaks.map((peak) => (unit === 0 ? 0 : Math.min(127, Math.round(peak / unit))));
  const out = new Uint8Array(210);
  values.forEach((value, n) => {
    const scale = unit * scales[n >> 4];
    const q = scale === 0 ? 32 : Math.min(63, Math.max(0, Math.round(value / scale) + 32));
    const part = n >> 7;
    const run = (n >> 5) & 3;
    const l = n & 31;
    out[64 * part + l + 32 * (run & 1)] |= (q & 15) << (run < 2 ? 0 : 4);
    out[128 + 32 * part + l] |= (q >> 4) << (2 * run);
  });
  out.set(scales, 192);
  out.set([d & 255, d >> 8], 208);
  return out;
}
