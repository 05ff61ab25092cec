/** Looks for NaN and infinity in tensor data: one such scale turns every answer into nonsense. */
import { open } from 'node:fs/promises';
import { malformed, quote } from './faults.ts';
import { tensorTypeLayout, tensorTypeNumber } from './tensor-types.ts';
import type { GgufFile, TensorInfo } from './types.ts';

const chunkTarget = 2 ** 20;

/** Where the floats of a block lie: byte offsets from its start, and their width in bytes. */
interface FloatsOfBlock {
  readonly width: 2 | 4;
  readonly offsets: readonly number[];
  /** all-ones pattern of the exponent in the float's last byte(s): 16-bit pattern of the upper half */
  readonly exponentMask: number;
}

const half = 0x7c00;
const single = 0x7f80;

const floatsOfBlock: Readonly<Record<string, FloatsOfBlock>> = {
  F32: { width: 4, offsets: [0], exponentMask: single },
  BF16: { width: 2, offsets: [0], exponentMask: single },
  F16: { width: 2, offsets: [0], exponentMask: half },
  Q4_0: { width: 2, offsets: [0], exponentMask: half },
  Q4_1: { width: 2, offsets: [0, 2], exponentMask: half },
  Q5_0: { width: 2, offsets: [0], exponentMask: half },
  Q5_1: { width: 2, offsets: [0, 2], exponentMask: half },
  Q8_0: { width: 2, offsets: [0], exponentMask: half },
  Q4_K: { width: 2, offsets: [0, 2], exponentMask: half },
  Q5_K: { width: 2, offsets: [0, 2], exponentMask: half },
  Q6_K: { width: 2, offsets: [208], exponentMask: half },
};

/**
 * Streams all tensors once; types without an entry above are not looked into.
 * @param onProgress bytes looked at so far
 * @throws AppError 'invalid-input' naming the first tensor with a number that is not finite
 */
export async function checkTensorData(file: GgufFile, onProgress?: (bytes: number) => void): Promise<void> {
  const handle = await open(file.path, 'r');
  try {
    let done = 0;
    for (const tensor of file.tensors.values()) {
      const floats = floatsOfBlock[tensor.typeName];
      if (floats !== undefined)
        await checkTensor(tensor, floats, (buffer, at) => handle.read(buffer, 0, buffer.length, at));
      done += tensor.bytes;
      onProgress?.(done);
    }
  } finally {
    await handle.close();
  }
}

async function checkTensor(
  tensor: TensorInfo,
  floats: FloatsOfBlock,
  read: (buffer: Uint8Array, at: number) => Promise<{ bytesRead: number }>,
): Promise<void> {
  const blockBytes = tensorTypeLayout(tensorTypeNumber(tensor.typeName) ?? -1)?.blockBytes ?? 1;
  const chunk = new Uint8Array(Math.floor(chunkTarget / blockBytes) * blockBytes);
  for (let start = 0; start < tensor.bytes; start += chunk.length) {
    const part = chunk.subarray(0, Math.min(chunk.length, tensor.bytes - start));
    const { bytesRead } = await read(part, tensor.offset + start);
    if (bytesRead < part.length)
      throw malformed(`the data of ${quote(tensor.name)} cannot be read to its end`);
    const at = firstNotFinite(part, blockBytes, floats);
    if (at >= 0)
      throw malformed(
        `${quote(tensor.name)} holds a number that is not finite (block ${(start + at) / blockBytes})`,
      );
  }
}

/** Byte offset of the first block with a NaN or infinity, or -1. */
function firstNotFinite(bytes: Uint8Array, blockBytes: number, floats: FloatsOfBlock): number {
  const { exponentMask } = floats;
  for (const offset of floats.offsets) {
    // The exponent lies in the float's last two bytes.
    const upper = offset + floats.width - 2;
    for (let block = 0; block < bytes.length; block += blockBytes) {
      const pattern = bytes[block + upper] | (bytes[block + upper + 1] << 8);
      if ((pattern & exponentMask) === exponentMask) return block;
    }
  }
  return -1;
}
