/** Keys, values and rotations as kv-*.wgsl and turns-*.wgsl keep them. */
import type { KvBits } from './kernels/index.ts';

interface KvLayout {
  readonly headDim: number;
  readonly bits: KvBits;
}

/** Dimensions that share a scale where a number has 8 bits. */
const scaledTogether = 32;

/** Bytes of a key and its value in one layer. */
export function kvEntryBytes({ headDim, bits }: KvLayout): number {
  if (bits !== 8) return (2 * headDim * bits) / 8;
  return 2 * (headDim + 4 * Math.ceil(headDim / scaledTogether));
}

/** @returns the bytes; halves are rounded to nearest, ties to even */
export function turnWords(turns: Float32Array<ArrayBuffer>, bits: KvBits): Uint8Array<ArrayBuffer> {
  const packed = bits === 32 ? turns : new Float16Array(turns);
  return new Uint8Array(packed.buffer, packed.byteOffset, packed.byteLength);
}

/** Whole keys and values of random numbers in [-1, 1), at most `most` bytes. */
export function kvNoise(kv: KvLayout, seed: number, most: number): Uint8Array<ArrayBuffer> {
  let state = seed >>> 0;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
  const half = kvEntryBytes(kv) / 2;
  const count = Math.max(2, 2 * Math.floor(most / (2 * half)));
  if (kv.bits === 32) return bytesOf(Float32Array.from({ length: count * kv.headDim }, next));
  if (kv.bits === 16) return bytesOf(Float16Array.from({ length: count * kv.headDim }, next));
  const bytes = new Uint8Array(count * half);
  const scale = bytesOf(Float32Array.of(1 / 127));
  for (let at = 0; at < bytes.length; at += half) {
    for (let i = 0; i < kv.headDim; i++) bytes[at + i] = Math.round(127 * next()) & 255;
    for (let i = kv.headDim; i < half; i += scale.length) bytes.set(scale, at + i);
  }
  return bytes;
}

function bytesOf(values: Float32Array<ArrayBuffer> | Float16Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
