/** Numbers as kv-f16.wgsl and kv-f32.wgsl keep them. */
import type { KvBits } from './kernels/index.ts';

/** @returns the bytes; halves are rounded to nearest, ties to even */
export function kvWords(values: Float32Array<ArrayBuffer>, bits: KvBits): Uint8Array<ArrayBuffer> {
  const packed = bits === 16 ? new Float16Array(values) : values;
  return new Uint8Array(packed.buffer, packed.byteOffset, packed.byteLength);
}
