/**
 * Weights as the kernels read them: the file's blocks split into a plane of quants and a plane of scales, because
 * blocks of 18 or 34 bytes can't be read as aligned words. As many bytes as in the file; nothing is expanded.
 */
import type { WeightType } from './kernels/index.ts';

/** Columns of a block, of every type; rows of F32 and F16 are padded with zeros to whole blocks. */
export const blockColumns = 32;

/** Rows of one matrix as a GGUF holds them. */
export interface PackedRows {
  readonly bytes: Uint8Array;
  readonly rows: number;
}

/** Bytes of a block in the file, in the plane of quants, and in the plane of scales. */
const blockBytes: Readonly<Record<WeightType, { file: number; quants: number; scales: number }>> = {
  F32: { file: 128, quants: 128, scales: 0 },
  F16: { file: 64, quants: 64, scales: 0 },
  Q8_0: { file: 34, quants: 32, scales: 2 },
  Q4_0: { file: 18, quants: 16, scales: 2 },
  Q4_1: { file: 20, quants: 16, scales: 4 },
};

/** @returns blocks of 32 columns in a row */
export function blocksOf(columns: number): number {
  return Math.ceil(columns / blockColumns);
}

/** @returns columns with the padding */
export function padded(columns: number): number {
  return blocksOf(columns) * blockColumns;
}

/** Bytes of one row in the largest plane. */
export function rowBytes(type: WeightType, columns: number): number {
  return blocksOf(columns) * blockBytes[type].quants;
}

/** Bytes of one row in the file. */
export function fileRowBytes(type: WeightType, columns: number): number {
  if (blockBytes[type].scales === 0) return (blockBytes[type].file / blockColumns) * columns;
  return blocksOf(columns) * blockBytes[type].file;
}

/**
 * @param sources rows one after another, of one type
 * @returns the plane of quants and, for quantised types, the plane of scales
 */
export function packRows(
  type: WeightType,
  sources: readonly PackedRows[],
  columns: number,
): readonly Uint8Array<ArrayBuffer>[] {
  const rows = sources.reduce((sum, source) => sum + source.rows, 0);
  const layout = blockBytes[type];
  const blocks = blocksOf(columns);
  const quants = new Uint8Array(rows * blocks * layout.quants);
  const bytesPerRow = fileRowBytes(type, columns);
  if (layout.scales === 0) {
    let row = 0;
    for (const source of sources) {
      for (let i = 0; i < source.rows; i++, row++) {
        const from = source.bytes.subarray(i * bytesPerRow, (i + 1) * bytesPerRow);
        quants.set(from, row * blocks * layout.quants);
      }
    }
    return [quants];
  }
  // whole words: an odd number of 16-bit scales ends in the middle of one
  const scales = new Uint8Array(Math.ceil((rows * blocks * layout.scales) / 4) * 4);
  let block = 0;
  for (const source of sources) {
    for (let at = 0; at < source.rows * bytesPerRow; at += layout.file, block++) {
      // scales come first in a block: d, or d and m
      scales.set(source.bytes.subarray(at, at + layout.scales), block * layout.scales);
      quants.set(source.bytes.subarray(at + layout.scales, at + layout.file), block * layout.quants);
    }
  }
  return [quants, scales];
}
