/** The model's matrices and gains on the device, and the dispatches that multiply by them. */
import type { GgufFile, TensorInfo } from '../../formats/index.ts';
import { dequantise } from '../../formats/index.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Device } from './device.ts';
import type { KernelPass, KernelWork } from './kernel-pass.ts';
import type { Kernels, MatmulPipelines, MatmulVariant, WeightType } from './kernels/index.ts';
import { FEW_ROWS, matmulTile, matvecGroups } from './kernels/index.ts';
import { blocksOf, fileRowBytes, packRows, padded, rowBytes } from './packing.ts';
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

  /** @param largestPlane bytes; larger matrices are split over buffers */
  constructor(gguf: GgufFile, device: Device, largestPlane: number) {
    this.#gguf = gguf;
    this.#device = device;
    this.#largestPlane = largestPlane;
  }

  /** @param starts where the first output of each tensor stands in a row of the result; default: one after another */
  async read(names: readonly string[], starts?: readonly number[]): Promise<readonly MatrixPart[]> {
    const slices: Slice[] = [];
    let start = 0;
    for (const [i, name] of names.entries()) {
      start = starts?.[i] ?? start;
      const whole = await this.#tensor(name, start);
      slices.push(...this.#slices(whole));
      start += whole.rows;
    }
    return this.#groups(slices).map((group) => this.#upload(group));
  }

  /** A norm's gain, f32, padded with zeros. */
  async gain(name: string): Promise<GPUBuffer> {
    const info = this.#info(name);
    const values = dequantise(info.type, await this.#gguf.readTensor(name), info.shape[0]);
    requireNumbers(name, 'F32', new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    const all = new Float32Array(padded(values.length));
    all.set(values);
    return this.#device.constant(new Uint8Array(all.buffer), name);
  }

  async #tensor(name: string, start: number): Promise<Slice> {
    const info = this.#info(name);
    const rows = info.shape.slice(1).reduce((product, length) => product * length, 1);
    const bytes = await this.#gguf.readTensor(name);
    const type = weightType(info);
    requireNumbers(name, type, bytes);
    return { type, columns: info.shape[0], rows, bytes, start };
  }

  #info(name: string): TensorInfo {
    const info = this.#gguf.tensors.get(name);
    if (info === undefined) throw new AppError('invalid-input', `The model file has no tensor "${name}".`);
    return info;
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
export function weightType({ type, typeName, name }: TensorInfo): WeightType {
  if (type === 'F32' || type === 'F16' || type === 'Q8_0' || type === 'Q4_0' || type === 'Q4_1') return type;
  throw new AppError(
    'unsupported',
    `The tensor "${name}" is of the type ${typeName}, which has no kernel yet.`,
    'Use --backend cpu, or another quantisation of the model.',
  );
}

/** The buffers of one product. */
export interface MatmulBuffers {
  readonly step: GPUBuffer;
  readonly x: GPUBuffer;
  /** of RMSNorm, for the input 'normed'; and where many rows' factors are kept, f32 [rows] */
  readonly gain?: GPUBuffer;
  readonly inverseRms?: GPUBuffer;
  readonly y: GPUBuffer;
  /** numbers in a row of y */
  readonly stride: number;
  readonly epsilon?: number;
}

interface MatmulPart {
  readonly pipelines: MatmulPipelines;
  readonly groups: {
    readonly matvec: GPUBindGroup;
    readonly matmul: GPUBindGroup | null;
    readonly rowRms: GPUBindGroup | null;
  };
  readonly outputs: number;
  /** of one row; bytes of the weights */
  readonly work: KernelWork;
}

/** One product by a matrix: a dispatch for each of its parts, and with many normed rows one before them. */
export class Matmul {
  readonly #parts: readonly MatmulPart[];

  private constructor(parts: readonly MatmulPart[]) {
    this.#parts = parts;
  }

  static async create(
    device: Device,
    kernels: Kernels,
    matrix: readonly MatrixPart[],
    variant: Omit<MatmulVariant, 'type'>,
    buffers: MatmulBuffers,
  ): Promise<Matmul> {
    const parts = matrix.map(async (part) => {
      const pipelines = await kernels.matmul({ ...variant, type: part.type }, part.outputs);
      const { matvec, matmul, rowRms } = pipelines;
      const { step, x, gain, inverseRms, y } = buffers;
      const shape = device.uniform(shapeWords(part, buffers));
      const rms = inverseRms === undefined || rowRms === null ? {} : { 7: inverseRms };
      const bindings = {
        ...{ 0: step, 1: shape, 2: x },
        ...(gain === undefined ? {} : { 3: gain }),
        ...planeBindings(part),
        6: y,
      };
      const groups = {
        matvec: device.bindGroup(matvec.pipeline, bindings),
        matmul: matmul && device.bindGroup(matmul, { ...bindings, ...rms }),
        rowRms: rowRms && device.bindGroup(rowRms, { 0: step, 1: shape, 2: x, ...rms }),
      };
      const bytes = part.planes.reduce((sum, { size }) => sum + size, 0);
      const work = { flops: 2 * part.outputs * part.columns, bytes };
      return { pipelines, groups, outputs: part.outputs, work };
    });
    return new Matmul(await Promise.all(parts));
  }

  /** of one row */
  get dispatches(): number {
    return this.#parts.length;
  }

  encode(pass: KernelPass, rows: number): void {
    if (rows > FEW_ROWS) this.#encodeRowRms(pass, rows);
    for (const { pipelines, groups, outputs, work } of this.#parts) {
      pass.note?.(() => ({ flops: rows * work.flops, bytes: work.bytes }));
      if (rows <= FEW_ROWS || pipelines.matmul === null) {
        const { pipeline, outputs: perGroup } = pipelines.matvec;
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, groups.matvec);
        pass.dispatchWorkgroups(Math.ceil(outputs / (matvecGroups * perGroup)), rows);
      } else {
        pass.setPipeline(pipelines.matmul);
        pass.setBindGroup(0, groups.matmul);
        pass.dispatchWorkgroups(Math.ceil(outputs / matmulTile.outputs), Math.ceil(rows / matmulTile.rows));
      }
    }
  }

  #encodeRowRms(pass: KernelPass, rows: number): void {
    const { pipelines, groups } = this.#parts[0];
    if (pipelines.rowRms === null || groups.rowRms === null) return;
    pass.setPipeline(pipelines.rowRms);
    pass.setBindGroup(0, groups.rowRms);
    pass.dispatchWorkgroups(rows);
  }
}

/** The planes at the bindings of weights-*.wgsl. */
export function planeBindings({ planes }: MatrixPart): Record<number, GPUBuffer> {
  return Object.fromEntries(planes.map((plane, i) => [4 + i, plane]));
}

/** struct Shape of product.wgsl */
function shapeWords(
  { columns, outputs, start }: MatrixPart,
  { stride, epsilon }: MatmulBuffers,
): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(6);
  words.set([blocksOf(columns), columns, outputs, start, stride]);
  new Float32Array(words.buffer)[5] = epsilon ?? 0;
  return words;
}
