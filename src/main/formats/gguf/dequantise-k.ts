/**
 * ggml's k-quants as f32: super-blocks of 256 weights whose blocks have scales of a few bits (source: the block structs
 * of ggml-common.h and `dequantize_row_q*_K` in ggml-quants.c, llama.cpp).
 */
import { halfToFloatTable } from '../half.ts';

const superBlock = 256;

/**
 * block_q4_K { f16 d; f16 dmin; u8 scales[12]; u8 qs[128] }: eight blocks of 32; block b has
 * w[j] = d s_b q_j - dmin m_b. Low nibbles of qs[32 c …] are block 2c, high ones block 2c + 1.
 */
export function unpackQ4_K(bytes: Uint8Array, out: Float32Array): void {
  for (let at = 0, base = 0; base < out.length; at += 144, base += superBlock) {
    unpackBlocks(bytes, { at, fifthBits: -1, quants: at + 16 }, out, base);
  }
}

/** block_q5_K { f16 d; f16 dmin; u8 scales[12]; u8 qh[32]; u8 qs[128] }: as Q4_K; bit b of qh[j] is q_j's fifth. */
export function unpackQ5_K(bytes: Uint8Array, out: Float32Array): void {
  for (let at = 0, base = 0; base < out.length; at += 176, base += superBlock) {
    unpackBlocks(bytes, { at, fifthBits: at + 16, quants: at + 48 }, out, base);
  }
}

/** Byte offsets of a super-block's parts; fifthBits -1: there are none. */
interface Parts {
  readonly at: number;
  readonly fifthBits: number;
  readonly quants: number;
}

function unpackBlocks(
  bytes: Uint8Array,
  { at, fifthBits, quants }: Parts,
  out: Float32Array,
  base: number,
): void {
  const half = halfToFloatTable();
  const d = half[bytes[at] | (bytes[at + 1] << 8)];
  const dmin = half[bytes[at + 2] | (bytes[at + 3] << 8)];
  for (let block = 0; block < 8; block++) {
    const scale = d * scaleOf(bytes, at + 4, block);
    const minimum = dmin * minimumOf(bytes, at + 4, block);
    const from = quants + 32 * (block >> 1);
    const shift = 4 * (block & 1);
    for (let j = 0; j < 32; j++) {
      const fifth = fifthBits < 0 ? 0 : (bytes[fifthBits + j] >> block) & 1;
      const q = ((bytes[from + j] >> shift) & 15) | (fifth << 4);
      out[base + 32 * block + j] = scale * q - minimum;
    }
  }
}

/**
 * Eight scales and eight minimums of 6 bits in 12 bytes: those of the blocks 0 … 3 in the low 6 bits of the bytes
 * 0 … 3 and 4 … 7; those of 4 … 7 have their low 4 bits in the bytes 8 … 11, their upper 2 where 6 bits left room.
 */
function scaleOf(bytes: Uint8Array, at: number, block: number): number {
  if (block < 4) return bytes[at + block] & 63;
  return (bytes[at + block + 4] & 15) | ((bytes[at + block - 4] >> 6) << 4);
}

function minimumOf(bytes: Uint8Array, at: number, block: number): number {
  if (block < 4) return bytes[at + block + 4] & 63;
  return (bytes[at + block + 4] >> 4) | ((bytes[at + block] >> 6) << 4);
}

/**
 * block_q6_K { u8 ql[128]; u8 qh[64]; i8 scales[16]; f16 d }: sixteen blocks of 16 with w[j] = d s_b (q_j - 32). Each
 * half (128 weights, four runs of 32) has 64 bytes of low nibbles and 32 of upper bit pairs: run r, weight l has its
 * nibble in ql[l + 32 (r mod 2)] (low for r < 2, else high) and its pair in the bits 2r, 2r + 1 of qh[l].
 */
export function unpackQ6_K(bytes: Uint8Array, out: Float32Array): void {
  const half = halfToFloatTable();
  for (let at = 0, base = 0; base < out.length; at += 210, base += superBlock) {
    const d = half[bytes[at + 208] | (bytes[at + 209] << 8)];
    for (let n = 0; n < superBlock; n++) {
      const part = n >> 7;
      const run = (n >> 5) & 3;
      const l = n & 31;
      const nibble = (bytes[at + 64 * part + l + 32 * (run & 1)] >> (run < 2 ? 0 : 4)) & 15;
      const pair = (bytes[at + 128 + 32 * part + l] >> (2 * run)) & 3;
      const scale = (bytes[at + 192 + (n >> 4)] << 24) >> 24;
      out[base + n] = d * scale * ((nibble | (pair << 4)) - 32);
    }
  }
}
