/**
 * Where each matrix of a model lies among its packed weights (native/src/packed.h), and how they get there: tensors
 * one after the other in the order in which a forward pass reads them, so that decoding walks through memory once.
 */
import { AppError } from '../../../shared/errors.ts';
import { dequantise } from '../../formats/index.ts';
import type { GgufFile } from '../../formats/index.ts';
import type { MatrixSource, VectorSource } from '../model-tensors.ts';
import type { NativeAddon, PackedMatrix, PackedSegment, PackedType } from './native-contract.ts';
import { packedTypes } from './native-contract.ts';

/** packed at a time: what is held besides a tensor of the file */
const SLICE_BYTES = 8 << 20;

/** outputs of a panel */
const PANEL = 16;

/** Rows of a tensor, and where their panels go. */
interface Piece {
  readonly source: MatrixSource;
  readonly type: PackedType;
  readonly offset: number;
}

/** Places matrices one after the other. */
export class WeightLayout {
  readonly #native: Pick<NativeAddon, 'packedBytes'>;
  readonly #pieces: Piece[] = [];
  #bytes = 0;

  constructor(native: Pick<NativeAddon, 'packedBytes'>) {
    this.#native = native;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get pieces(): readonly Piece[] {
    return this.#pieces;
  }

  /** Outputs of several tensors side by side: q | k | v. */
  matrix(sources: readonly MatrixSource[]): PackedMatrix {
    return { columns: sources[0]?.columns ?? 0, segments: sources.map((source) => this.#segment(source)) };
  }

  #segment(source: MatrixSource): PackedSegment {
    const type = packedTypes.find((each) => each === source.type);
    if (type === undefined)
      throw new AppError('unsupported', `A matrix of the type ${source.type} is not supported.`);
    const offset = this.#bytes;
    this.#pieces.push({ source, type, offset });
    this.#bytes += this.#native.packedBytes(type, source.rows, source.columns);
    return { type, rows: source.rows, offset };
  }
}

/**
 * Packs every piece and hands it on in ascending order of offsets.
 * @throws AppError 'invalid-input' naming a tensor that holds a number that is none
 */
export async function packPieces(
  gguf: GgufFile,
  layout: WeightLayout,
  native: NativeAddon,
  write: (offset: number, bytes: Uint8Array) => Promise<void> | void,
): Promise<void> {
  for (const piece of layout.pieces) {
    const tensor = await gguf.readTensor(piece.source.tensor);
    await packPiece(piece, rowsOf(gguf, piece.source, tensor), native, write);
  }
}

async function packPiece(
  { source, type, offset }: Piece,
  rows: Uint8Array,
  native: NativeAddon,
  write: (offset: number, bytes: Uint8Array) => Promise<void> | void,
): Promise<void> {
  const { columns } = source;
  const rowBytes = rows.length / source.rows;
  const panelBytes = native.packedBytes(type, PANEL, columns);
  const panels = Math.max(1, Math.floor(SLICE_BYTES / panelBytes));
  for (let row = 0; row < source.rows; row += panels * PANEL) {
    const count = Math.min(panels * PANEL, source.rows - row);
    const target = new Uint8Array(native.packedBytes(type, count, columns));
    const slice = rows.subarray(row * rowBytes, (row + count) * rowBytes);
    if (!native.pack(type, slice, count, columns, target))
      throw new AppError(
        'invalid-input',
        `The tensor "${source.tensor}" holds numbers that are infinite or none at all.`,
        'The model file is damaged: fetch it again.',
      );
    await write(offset + (row / PANEL) * panelBytes, target);
  }
}

/** The source's rows as the file holds them, in the order in which we compute. */
function rowsOf(gguf: GgufFile, source: MatrixSource, tensor: Uint8Array): Uint8Array {
  const info = gguf.tensors.get(source.tensor);
  const all = info?.shape.slice(1).reduce((product, length) => product * length, 1) ?? 1;
  const rowBytes = tensor.length / all;
  const rows = tensor.subarray(source.firstRow * rowBytes, (source.firstRow + source.rows) * rowBytes);
  const order = source.headOrder;
  if (order === null) return rows;
  const ordered = new Uint8Array(rows.length);
  for (let row = 0; row < source.rows; row++) {
    const within = row % order.length;
    const from = row - within + order[within];
    ordered.set(rows.subarray(from * rowBytes, (from + 1) * rowBytes), row * rowBytes);
  }
  return ordered;
}

/** A norm or bias as f32. */
export async function readVector(gguf: GgufFile, source: VectorSource): Promise<Float32Array> {
  const info = gguf.tensors.get(source.tensor);
  if (info === undefined)
    throw new AppError('invalid-input', `The model file has no tensor "${source.tensor}".`);
  const count = info.shape.reduce((product, length) => product * length, 1);
  const all = dequantise(info.type, await gguf.readTensor(source.tensor), count);
  const values = all.slice(source.firstRow, source.firstRow + source.rows);
  const order = source.headOrder;
  if (order === null) return values;
  return values.map((_, i) => values[i - (i % order.length) + order[i % order.length]]);
}
