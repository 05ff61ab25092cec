/** The model's matrices and vectors from the file to the device. */
import type { GgufFile, TensorType } from '../../formats/index.ts';
import { dequantise } from '../../formats/index.ts';
import { AppError } from '../../../shared/errors.ts';
import type { MatrixSource, VectorSource } from '../model-tensors.ts';
import type { Device } from './device.ts';
import type { WeightType } from './kernels/index.ts';
import { fileRowBytes, orderedRows, packRows, padded, rowBytes, weightTypes } from './packing.ts';
import type { PackedRows } from './packing.ts';
import { requireNumbers } from './weight-check.ts';

/** Consecutive outputs of one type whose planes fit what a kernel can see. */
export interface MatrixPart {
  readonly type: WeightType;
  readonly columns: number;
  /** where output 0 stands in a row of the result */
  readonly start: number;
  readonly outputs: number;
  /** quants and, for quantised types, scales */
  readonly planes: readonly GPUBuffer[];
}

interface Slice extends PackedRows {
  readonly type: WeightType;
  readonly columns: number;
  readonly start: number;
}

export class MatrixReader {
  readonly #gguf: GgufFile;
  readonly #device: Device;
  readonly #largestPlane: number;
  /** q, k and v may be rows of one tensor */
  #last: { readonly name: string; readonly bytes: Uint8Array } | null = null;

  /** @param largestPlane bytes; larger matrices are split over buffers */
  constructor(gguf: GgufFile, device: Device, largestPlane: number) {
    this.#gguf = gguf;
    this.#device = device;
    this.#largestPlane = largestPlane;
  }

  /** @param starts where the first output of each matrix stands in a row of the result; default: one after another */
  async read(sources: readonly MatrixSource[], starts?: readonly number[]): Promise<readonly MatrixPart[]> {
    const slices: Slice[] = [];
    let start = 0;
    for (const [i, source] of sources.entries()) {
      start = starts?.[i] ?? start;
      slices.push(...this.#slices(await this.#matrix(source, start)));
      start += source.rows;
    }
    this.#last = null;
    return this.#groups(slices).map((group) => this.#upload(group));
  }

  /** Vectors one after another, f32, the whole padded with zeros. */
  async vectors(sources: readonly VectorSource[]): Promise<GPUBuffer> {
    const values: number[] = [];
    for (const source of sources) values.push(...(await this.#vector(source)));
    const all = new Float32Array(padded(values.length));
    all.set(values);
    return this.#device.constant(new Uint8Array(all.buffer), 'A vector');
  }

  async #vector(source: VectorSource): Promise<Float32Array> {
    const { tensor, rows } = source;
    const type = weightType(source);
    const bytes = await this.#rows(source, type);
    requireNumbers(tensor, type, bytes);
    return dequantise(type, bytes, rows);
  }

  async #matrix(source: MatrixSource, start: number): Promise<Slice> {
    const type = weightType(source);
    const bytes = await this.#rows(source, type);
    requireNumbers(source.tensor, type, bytes);
    return { type, columns: source.columns, rows: source.rows, bytes, start };
  }

  /** The source's rows of its tensor, in our order. */
  async #rows({ tensor, columns, firstRow, rows, headOrder }: MatrixSource, type: WeightType) {
    if (this.#last?.name !== tensor)
      this.#last = { name: tensor, bytes: await this.#gguf.readTensor(tensor) };
    const row = fileRowBytes(type, columns);
    const wanted = this.#last.bytes.subarray(firstRow * row, (firstRow + rows) * row);
    return headOrder === null ? wanted : orderedRows(wanted, row, headOrder);
  }

  #slices(whole: Slice): readonly Slice[] {
    const { type, columns, rows, bytes, start } = whole;
    const most = Math.max(1, Math.floor(this.#largestPlane / rowBytes(type, columns)));
    const row = fileRowBytes(type, columns);
    return Array.from({ length: Math.ceil(rows / most) }, (_, i) => {
      const count = Math.min(most, rows - i * most);
      const part = bytes.subarray(i * most * row, (i * most + count) * row);
      return { type, columns, rows: count, bytes: part, start: start + i * most };
    });
  }

  /** Neighbours of one type share a part, and so a dispatch: q, k and v; gate and up. */
  #groups(slices: readonly Slice[]): readonly (readonly Slice[])[] {
    const groups: Slice[][] = [];
    for (const slice of slices) {
      const group = groups.at(-1);
      const before = group?.at(-1);
      const rows = (group ?? []).reduce((sum, each) => sum + each.rows, slice.rows);
      const joins =
        before?.type === slice.type &&
        before.start + before.rows === slice.start &&
        rows * rowBytes(slice.type, slice.columns) <= this.#largestPlane;
      if (joins) group?.push(slice);
      else groups.push([slice]);
    }
    return groups;
  }

  #upload(group: readonly Slice[]): MatrixPart {
    const [{ type, columns, start }] = group;
    const planes = packRows(type, group, columns).map((plane) => this.#device.constant(plane, 'A matrix'));
    return { type, columns, start, outputs: group.reduce((sum, { rows }) => sum + rows, 0), planes };
  }
}

/** @throws AppError 'unsupported', naming the tensor */
export function weightType({ type, tensor }: Pick<MatrixSource, 'type' | 'tensor'>): WeightType {
  if (isWeightType(type)) return type;
  throw new AppError(
    'unsupported',
    `The tensor "${tensor}" is of a type that has no kernel.`,
    'Use --backend cpu, or another quantisation of the model.',
  );
}

function isWeightType(type: TensorType): type is WeightType {
  return (weightTypes as readonly TensorType[]).includes(type);
}
