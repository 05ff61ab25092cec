/**
 * Weights as the kernels read them: the file's blocks split into a plane of quants and a plane of scales, because
 * blocks of 18 or 34 bytes can't be read as aligned words. As many bytes as in the file; nothing is expanded.
 */
import type { WeightType } from './kernels/index.ts';

/** Columns that kernels take at a time, of every type; rows of plain numbers are padded with zeros to whole ones. */
export const blockColumns = 32;

/** Rows of one matrix as a GGUF holds them. */
export interface PackedRows {
  readonly bytes: Uint8Array;
  readonly rows: number;
}

/** A block of the file; all counts in bytes. */
interface BlockLayout {
  readonly columns: number;
  readonly file: number;
  readonly quants: number;
  /** d, m, fifth bits: what does not go to the plane of quants */
  readonly scales: number;
  /** quants before scales in the file */
  readonly quantsFirst?: true;
  /** which halves of the block are numbers that could be NaN: `count` from `first` on */
  readonly numbers?: { readonly first: number; readonly count: number };
}

const layouts: Readonly<Record<WeightType, BlockLayout>> = {
  F32: { columns: 32, file: 128, quants: 128, scales: 0 },
  F16: { columns: 32, file: 64, quants: 64, scales: 0 },
  BF16: { columns: 32, file: 64, quants: 64, scales: 0 },
  Q8_0: { columns: 32, file: 34, quants: 32, scales: 2, numbers: { first: 0, count: 1 } },
  Q4_0: { columns: 32, file: 18, quants: 16, scales: 2, numbers: { first: 0, count: 1 } },
  Q4_1: { columns: 32, file: 20, quants: 16, scales: 4, numbers: { first: 0, count: 2 } },
  Q5_0: { columns: 32, file: 22, quants: 16, scales: 6, numbers: { first: 0, count: 1 } },
  Q5_1: { columns: 32, file: 24, quants: 16, scales: 8, numbers: { first: 0, count: 2 } },
  Q4_K: { columns: 256, file: 144, quants: 128, scales: 16, numbers: { first: 0, count: 2 } },
  Q5_K: { columns: 256, file: 176, quants: 128, scales: 48, numbers: { first: 0, count: 2 } },
  Q6_K: {
    columns: 256,
    file: 210,
    quants: 192,
    scales: 18,
    quantsFirst: true,
    numbers: { first: 104, count: 1 },
  },
};

/** Types that the kernels unpack. */
export const weightTypes = Object.keys(layouts) as readonly WeightType[];

/** Halves of a block in the file, and which of them are numbers. */
export function fileBlock(type: WeightType): { step: number; first: number; count: number } {
  const { file, numbers } = layouts[type];
  return { step: file / 2, first: 0, count: 0, ...numbers };
}

/** Bytes of one row in all planes. */
export function packedRowBytes(type: WeightType, columns: number): number {
  const { quants, scales } = layouts[type];
  return fileBlocks(type, columns) * (quants + scales);
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
  return fileBlocks(type, columns) * layouts[type].quants;
}

/** Bytes of one row in the file. */
export function fileRowBytes(type: WeightType, columns: number): number {
  const { scales, file } = layouts[type];
  if (scales === 0) return (file / blockColumns) * columns;
  return fileBlocks(type, columns) * file;
}

function fileBlocks(type: WeightType, columns: number): number {
  return Math.ceil(columns / layouts[type].columns);
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
  const layout = layouts[type];
  const blocks = fileBlocks(type, columns);
  const quants = new Uint8Array(rows * blocks * layout.quants);
  if (layout.scales === 0) {
    copyPadded(sources, quants, fileRowBytes(type, columns), blocks * layout.quants);
    return [quants];
  }
  // whole words: an odd number of 16-bit scales ends in the middle of one
  const scales = new Uint8Array(Math.ceil((rows * blocks * layout.scales) / 4) * 4);
  const planes = { quants: new Uint16Array(quants.buffer), scales: new Uint16Array(scales.buffer) };
  let block = 0;
  for (const source of sources) {
    const count = source.rows * blocks;
    splitBlocks(source.bytes, count, layout, planes, block);
    block += count;
  }
  return [quants, scales];
}

/** Rows of plain numbers, each padded to whole blocks. */
function copyPadded(
  sources: readonly PackedRows[],
  target: Uint8Array,
  bytesPerRow: number,
  stride: number,
): void {
  let row = 0;
  for (const { bytes, rows } of sources) {
    for (let i = 0; i < rows; i++, row++)
      target.set(bytes.subarray(i * bytesPerRow, (i + 1) * bytesPerRow), row * stride);
  }
}

/** Row i of each head (`headOrder.length` rows) becomes the head's row headOrder[i]. */
export function orderedRows(bytes: Uint8Array, bytesPerRow: number, headOrder: Int32Array): Uint8Array {
  const out = new Uint8Array(bytes.length);
  for (let at = 0, row = 0; at < bytes.length; at += bytesPerRow, row++) {
    const within = row % headOrder.length;
    const source = (row - within + headOrder[within]) * bytesPerRow;
    out.set(bytes.subarray(source, source + bytesPerRow), at);
  }
  return out;
}

/** By halves of words: a 7B model has two hundred million blocks. */
function splitBlocks(
  bytes: Uint8Array,
  count: number,
  layout: BlockLayout,
  planes: { readonly quants: Uint16Array; readonly scales: Uint16Array },
  firstBlock: number,
): void {
  const whole = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
  const from = new Uint16Array(whole.buffer, whole.byteOffset, (count * layout.file) / 2);
  const scales = { plane: planes.scales, count: layout.scales / 2, at: (firstBlock * layout.scales) / 2 };
  const quants = { plane: planes.quants, count: layout.quants / 2, at: (firstBlock * layout.quants) / 2 };
  const [first, second] = layout.quantsFirst === true ? [quants, scales] : [scales, quants];
  for (let at = 0; at < from.length;) {
    for (let i = 0; i < first.count; i++) first.plane[first.at++] = from[at++];
    for (let i = 0; i < second.count; i++) second.plane[second.at++] = from[at++];
  }
}
