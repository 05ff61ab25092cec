/**
 * The only importer of onnxruntime-node. A session is one graph on one thread: we parallelise over rows, not inside
 * operators (two intra-op threads measured slower than one: 577 against 915 tokens/s), so onnxruntime gets no pool
 * to spin in. The arena and memory patterns are off: measured +264 MB instead of +978 MB, and faster.
 */
import { createRequire } from 'node:module';
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { AppError } from '../../../shared/errors.ts';

const require = createRequire(import.meta.url);
// A CommonJS package: required on first use, so that a process that never runs a model does not load its library.
let loaded: typeof import('onnxruntime-node') | undefined;
function onnxruntime(): typeof import('onnxruntime-node') {
  loaded ??= require('onnxruntime-node') as typeof import('onnxruntime-node');
  return loaded;
}

const SESSION_OPTIONS: InferenceSession.SessionOptions = {
  executionProviders: ['cpu'],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  enableCpuMemArena: false,
  enableMemPattern: false,
  graphOptimizationLevel: 'all',
  logSeverityLevel: 3,
};

/** of the package; does not load its library */
export function onnxruntimePackage(): string {
  return (require('onnxruntime-node/package.json') as { version: string }).version;
}

/** f32 matrix [rows][columns] over memory that the caller owns. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array;
  readonly tensor: OrtTensor;
}

/**
 * @param values its first rows * columns elements are the matrix
 * @param outer dimensions of length 1 that the graph has before the rows
 */
export function matrix(
  values: Float32Array,
  rows: number,
  columns: number,
  outer: readonly 1[] = [],
): Matrix {
  const used = values.subarray(0, rows * columns);
  const { Tensor } = onnxruntime();
  return { rows, columns, values: used, tensor: new Tensor('float32', used, [...outer, rows, columns]) };
}

export class Session {
  readonly #session: InferenceSession;

  private constructor(session: InferenceSession) {
    this.#session = session;
  }

  /** @param model bytes of encodeModel; may be dropped afterwards */
  static async create(model: Uint8Array): Promise<Session> {
    try {
      return new Session(await onnxruntime().InferenceSession.create(model, SESSION_OPTIONS));
    } catch (cause) {
      throw new AppError('internal', 'onnxruntime refused a graph of the model.', undefined, { cause });
    }
  }

  /** Runs the graph; outputs are written into `outputs`, which must have the right shapes. */
  async run(
    inputs: Readonly<Record<string, Matrix>>,
    outputs: Readonly<Record<string, Matrix>>,
  ): Promise<void> {
    const feeds: Record<string, OrtTensor> = {};
    for (const name in inputs) feeds[name] = (inputs[name] as Matrix).tensor;
    const fetches: Record<string, OrtTensor> = {};
    for (const name in outputs) fetches[name] = (outputs[name] as Matrix).tensor;
    await this.#session.run(feeds, fetches);
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}
