/** The rows of one chunk between its layers, allocated once and used again by every forward call. */
import type { Hyperparameters } from '../runtime.ts';

export interface Workspace {
  /** [rows][embedding] */
  readonly residual: Float32Array;
  /** [rows][(heads + 2 kvHeads) headDim] */
  readonly qkv: Float32Array;
  /** [rows][heads * headDim] */
  readonly attention: Float32Array;
}

export function createWorkspace(sizes: Hyperparameters, rows: number): Workspace {
  const { embedding, heads, kvHeads, headDim } = sizes;
  return {
    residual: new Float32Array(rows * embedding),
    qkv: new Float32Array(rows * (heads + 2 * kvHeads) * headDim),
    attention: new Float32Array(rows * heads * headDim),
  };
}
