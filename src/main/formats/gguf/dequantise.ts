/**
 * Tensor data as f32, each format by its formula (source: `dequantize_row_*` in ggml-quants.c, llama.cpp). This is
 * the readable reference; the kernels unpack for themselves and are tested against it.
 */
import { AppError } from '../../../shared/errors.ts';
import { halfToFloatTable } from '../half.ts';
import { unpackQ4_K, unpackQ5_K, unpackQ6_K } from './dequantise-k.ts';
import { tensorBytes } from './tensor-types.ts';
import type { TensorType } from './types.ts';

type Unpack = (bytes: Uint8Array, out: Float32Array) => void;

const formats: Partial<Record<TensorType, Unpack>> = {
  F32: unpackF32,
  F16: unpackF16,
  BF16: unpackBf16,
  Q4_0: unpackQ4_0,
  Q4_1: unpackQ4_1,
  Q5_0: unpackQ5_0,
  Q5_1: unpackQ5_1,
  Q8_0: unpackQ8_0,
  Q4_K: unpackQ4_K,
  Q5_K: unpackQ5_K,
  Q6_K: unpackQ6_K,
};

/** Types that `dequantise` and the engine compute with. */
export const computableTypes: ReadonlySet<TensorType> = new Set(Object.keys(formats) as TensorType[]);

/**
 * @param bytes tensor data as in the file: whole blocks
 * @param count elements, a multiple of the type's block length
 * @returns f32 [count]
 * @throws AppError 'unsupported' for a type without a formula here, 'invalid-input' when bytes and count disagree
 */
export function dequantise(type: TensorType, bytes: Uint8Array, count: number): Float32Array {
  const unpack = formats[type];
  if (unpack === undefined)
    throw new AppError(
      'unsupported',
      `Tensors of type ${type} are not read.`,
      `Choose a file of the model with one of: ${[...computableTypes].join(', ')}.`,
    );
  if (bytes.length !== tensorBytes(type, count))
    throw new AppError(
      'invalid-input',
      `${count} elements of ${type} take ${tensorBytes(type, count)} bytes, not ${bytes.length}.`,
    );
  const out = new Float32Array(count);
  unpack(bytes, out);
  return out;
}

function unpackF32(bytes: Uint8Array, out: Float32Array): void {
  new Uint8Array(out.buffer).set(bytes);
}

function unpackF16(bytes: Uint8Array, out: Float32Array): void {
  const half = halfToFloatTable();
  for (let i = 0; i < out.length; i++) out[i] = half[bytes[2 * i] | (bytes[2 * i + 1] << 8)];
}

/** bfloat16 is the upper half of an f32. */
function unpackBf16(bytes: Uint8Array, out: Float32Array): void {
  const bits = new Uint32Array(out.buffer);
  for (let i = 0; i < out.length; i++) bits[i] = (bytes[2 * i] << 16) | (bytes[2 * i + 1] << 24);
}

/** block_q4_0 { f16 d; u8 qs[16] }: w[j] = d (q_j - 8); low nibbles are j = 0 … 15, high ones 16 … 31. */
function unpackQ4_0(bytes: Uint8Array, out: Float32Array): void {
  const half = halfToFloatTable();
  for (let at = 0, base = 0; base < out.length; at += 18, base += 32) {
    const d = half[bytes[at] | (bytes[at + 1] << 8)];
    for (let j = 0; j < 16; j++) {
      const pair = bytes[at + 2 + j];
      out[base + j] = d * ((pair & 15) - 8);
      out[base + j + 16] = d * ((pair >> 4) - 8);
    }
  }
}

/** block_q4_1 { f16 d; f16 m; u8 qs[16] }: w[j] = d q_j + m, nibbles as in Q4_0. */
function unpackQ4_1(bytes: Uint8Array, out: Float32Array): void {
  const half = halfToFloatTable();
  for (let at = 0, base = 0; base < out.length; at += 20, base += 32) {
    const d = half[bytes[at] | (bytes[at + 1] << 8)];
    const m = half[bytes[at + 2] | (bytes[at + 3] << 8)];
    for (let j = 0; j < 16; j++) {
      const pair = bytes[at + 4 + j];
      out[base + j] = d * (pair & 15) + m;
      out[base + j + 16] = d * (pair >> 4) + m;
    }
  }
}

/** block_q5_0 { f16 d; u8 qh[4]; u8 qs[16] }: w[j] = d (q_j - 16); nibbles as in Q4_0, bit j of qh is q_j's fifth. */
function unpackQ5_0(bytes: Uint8Array, out: Float32Array): void {
  const half = halfToFloatTable();
  for (let at = 0, base = 0; base < out.length; at += 22, base += 32) {
    const d = half[bytes[at] | (bytes[at + 1] << 8)];
    for (let j = 0; j < 32; j++) out[base + j] = d * (fiveBits(bytes, at + 2, at + 6, j) - 16);
  }
}

/** block_q5_1 { f16 d; f16 m; u8 qh[4]; u8 qs[16] }: w[j] = d q_j + m, bits as in Q5_0. */
function unpackQ5_1(bytes: Uint8Array, out: Float32Array): void {
  const half = halfToFloatTable();
  for (let at = 0, base = 0; base < out.length; at += 24, base += 32) {
    const d = half[bytes[at] | (bytes[at + 1] << 8)];
    const m = half[bytes[at + 2] | (bytes[at + 3] << 8)];
    for (let j = 0; j < 32; j++) out[base + j] = d * fiveBits(bytes, at + 4, at + 8, j) + m;
  }
}

function fiveBits(bytes: Uint8Array, fifthBits: number, nibbles: number, j: number): number {
  const nibble = (bytes[nibbles + (j & 15)] >> (j < 16 ? 0 : 4)) & 15;
  const fifth = (bytes[fifthBits + (j >> 3)] >> (j & 7)) & 1;
  return nibble | (fifth << 4);
}

/** block_q8_0 { f16 d; i8 qs[32] }: w[j] = d q_j. */
function unpackQ8_0(bytes: Uint8Array, out: Float32Array): void {
  const half = halfToFloatTable();
  for (let at = 0, base = 0; base < out.length; at += 34, base += 32) {
    const d = half[bytes[at] | (bytes[at + 1] << 8)];
    for (let j = 0; j < 32; j++) out[base + j] = d * ((bytes[at + 2 + j] << 24) >> 24);
  }
}
