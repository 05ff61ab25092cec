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

/** Halves of a block in the file, and how many of them, from the first on, are scales. */
export function fileBlock(type: WeightType): { readonly step: number; readonly scales: number } {
  const { file, scales } = blockBytes[type];
  return { step: file / 2, scales: scales / 2 };
}

/** Bytes of one row in all planes. */
export function packedRowBytes(type: WeightType, columns: number): number {
  const { quants, scales } = blockBytes[type];
  return blocksOf(columns) * (quants + scales);
}

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
  const planes = { quants: new Uint16Array(quants.buffer), scales: new Uint16Array(scales.buffer) };
  let block = 0;
  for (const source of sources) {
    const count = (source.rows * bytesPerRow) / layout.file;
    splitBlocks(source.bytes, count, layout, planes, block);
    block += count;
  }
  return [quants, scales];
}

/** Scales come first in a block: d, or d and m. By halves of words: a 7B model has two hundred million blocks. */
function splitBlocks(
  bytes: Uint8Array,
  count: number,
  layout: { readonly file: number; readonly quants: number; readonly scales: number },
  planes: { readonly quants: Uint16Array; readonly scales: Uint16Array },
  firstBlock: number,
): void {
  const whole = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
  const from = new Uint16Array(whole.buffer, whole.byteOffset, (count * layout.file) / 2);
  const scaleCount = layout.scales / 2;
  const quantCount = layout.quants / 2;
  let scaleAt = firstBlock * scaleCount;
  let quantAt = firstBlock * quantCount;
  for (let at = 0; at < from.length;) {
    for (let i = 0; i < scaleCount; i++) planes.scales[scaleAt++] = from[at++];
    for (let i = 0; i < quantCount; i++) planes.quants[quantAt++] = from[at++];
  }
}
