/** The rows of one chunk between its layers, allocated once and used again by every forward call. */
import type { Hyperparameters } from '../runtime.ts';
import { qkvColumns } from './dense-graphs.ts';
import { matrix } from './onnx.ts';
import type { Matrix } from './onnx.ts';

export interface ChunkRows {
  readonly rows: number;
  /** [rows][embedding], two of them: a joint reads one and writes the other */
  readonly residuals: readonly [Matrix, Matrix];
  /** [rows][(heads + 2 kvHeads) headDim] */
  readonly qkv: Matrix;
  /** [rows][heads * headDim] */
  readonly attention: Matrix;
}

/** Tensors are made once per number of rows (512 while reading, 1 while answering, the odd rest). */
const KEPT_ROW_COUNTS = 8;

export class Workspace {
  readonly #sizes: Hyperparameters;
  readonly #residuals: readonly [Float32Array, Float32Array];
  readonly #qkv: Float32Array;
  readonly #attention: Float32Array;
  readonly #byRows = new Map<number, ChunkRows>();

  constructor(sizes: Hyperparameters, maxRows: number) {
    this.#sizes = sizes;
    const { embedding, heads, headDim } = sizes;
    this.#residuals = [new Float32Array(maxRows * embedding), new Float32Array(maxRows * embedding)];
    this.#qkv = new Float32Array(maxRows * qkvColumns(sizes));
    this.#attention = new Float32Array(maxRows * heads * headDim);
  }

  /** Views of `rows` rows over the same memory: what an earlier call left in them is gone. */
  rows(rows: number): ChunkRows {
    let chunk = this.#byRows.get(rows);
    if (chunk === undefined) {
      if (this.#byRows.size >= KEPT_ROW_COUNTS) this.#byRows.clear();
      const { embedding, heads, headDim } = this.#sizes;
      const [first, second] = this.#residuals;
      chunk = {
        rows,
        residuals: [matrix(first, rows, embedding), matrix(second, rows, embedding)],
        qkv: matrix(this.#qkv, rows, qkvColumns(this.#sizes)),
        attention: matrix(this.#attention, rows, heads * headDim),
      };
      this.#byRows.set(rows, chunk);
    }
    return chunk;
  }
}
