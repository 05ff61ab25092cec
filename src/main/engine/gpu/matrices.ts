/** The dispatches that multiply by the model's matrices. */
import type { Device } from './device.ts';
import type { KernelPass, KernelWork } from './kernel-pass.ts';
import type { Kernels, MatmulPipelines, MatmulVariant } from './kernels/index.ts';
import { FEW_ROWS, matmulTile, matvecGroups } from './kernels/index.ts';
import type { MatrixPart } from './matrix-reader.ts';
import { blocksOf } from './packing.ts';

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
  /** f32 [stride], for the output 'bias' */
  readonly bias?: GPUBuffer | undefined;
  /** for the output 'capped' */
  readonly cap?: number | undefined;
}

interface MatmulPart {
  readonly pipelines: MatmulPipelines;
  readonly groups: {
    readonly matvec: GPUBindGroup | null;
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
      const { step, x, gain, inverseRms, y, bias } = buffers;
      const shape = device.uniform(shapeWords(part, buffers));
      const rms = inverseRms === undefined || rowRms === null ? {} : { 7: inverseRms };
      const bindings = {
        ...{ 0: step, 1: shape, 2: x },
        ...(gain === undefined ? {} : { 3: gain }),
        ...planeBindings(part),
        6: y,
        ...(bias === undefined ? {} : { 8: bias }),
      };
      const groups = {
        matvec: matvec && device.bindGroup(matvec.pipeline, bindings),
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
    return this.#parts.length + (this.#needsRowRms(1) ? 1 : 0);
  }

  encode(pass: KernelPass, rows: number): void {
    if (this.#needsRowRms(rows)) this.#encodeRowRms(pass, rows);
    for (const { pipelines, groups, outputs, work } of this.#parts) {
      pass.note?.(() => ({ flops: rows * work.flops, bytes: work.bytes }));
      const { matvec, matmul } = pipelines;
      if (matvec !== null && (rows <= FEW_ROWS || matmul === null)) {
        pass.setPipeline(matvec.pipeline);
        pass.setBindGroup(0, groups.matvec);
        pass.dispatchWorkgroups(Math.ceil(outputs / (matvecGroups * matvec.outputs)), rows);
      } else if (matmul !== null) {
        pass.setPipeline(matmul);
        pass.setBindGroup(0, groups.matmul);
        pass.dispatchWorkgroups(Math.ceil(outputs / matmulTile.outputs), Math.ceil(rows / matmulTile.rows));
      }
    }
  }

  /** Where a part goes through the kernel for many rows, whose input is normed by a factor found before. */
  #needsRowRms(rows: number): boolean {
    return this.#parts.some(
      ({ pipelines }) => pipelines.rowRms !== null && (rows > FEW_ROWS || pipelines.matvec === null),
    );
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
  { stride, epsilon = 0, cap = 0 }: MatmulBuffers,
): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(8);
  words.set([blocksOf(columns), columns, outputs, start, stride]);
  new Float32Array(words.buffer).set([epsilon, cap], 5);
  return words;
}
