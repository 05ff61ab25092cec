/**
 * The native addon's surface (native/, C++ Node-API). Only `native/index.ts` loads the binary; the cpu backend
 * imports it from there. All arrays are owned by JavaScript; the addon never hands out external memory.
 */
import type { CompiledPlan } from '../plan/types.ts';
import type { LogitSummary } from '../scoring.ts';

export type SimdLevel = 'amx' | 'avx512bf16' | 'avx512' | 'avx2' | 'neon' | 'scalar';

export interface NativeCacheSpec {
  readonly compiled: CompiledPlan;
  readonly layers: number;
  /** rows of the largest chunk: rings get this much slack */
  readonly maxRows: number;
  /** storage of K and V: bf16 for models, f32 for conformance */
  readonly storage: 'bf16' | 'f32';
  /** [headDim / 2] radians per position, f64; RoPE pairs are interleaved (2i, 2i+1) as in llama.cpp's GGUF rows */
  readonly inverseFrequencies: Float64Array;
  /** XPOS (longnet.md section 1): scales zeta_i^(±e(t)), relative to the segment; null = plain RoPE */
  readonly xpos: { readonly scaleBase: number } | null;
  /** c of score = c tanh(score / c) before the softmax; null or absent: none */
  readonly softCap?: number | null;
  /** kernels of this cache (tests, benches); default: the addon's `simd`. f32 storage always runs the scalar one */
  readonly simd?: SimdLevel;
  /** threads of one attend call, 1 … 64, default 1; the result does not depend on it */
  readonly threads?: number;
}

export interface NativeCache {
  readonly position: number;
  readonly bytes: number;
  /** computes rotation tables for rows at [position, position + rows); call once per chunk, before the layers */
  begin(rows: number): void;
  /**
   * One layer: takes q, k, v rows, hands keys over between rings, appends, attends.
   * @param qkv f32 [rows][(heads + 2*kvHeads) * headDim], unrotated, order q | k | v
   * @param out f32 [rows][heads * headDim], overwritten
   */
  attend(layer: number, qkv: Float32Array, out: Float32Array): void;
  /** after all layers: position += rows */
  /** @param rows how many of the chunk's rows are kept, 1 … all (default): the position moves behind them */
  commit(rows?: number): void;
  /** visible keys of the last committed row, one KV head: counted, not planned */
  reach(): { exact: number; sparse: number };
  fork(): NativeCache;
  snapshotBytes(): number;
  readSnapshot(offset: number, target: Uint8Array): void;
  writeSnapshot(offset: number, bytes: Uint8Array): void;
  finishRestore(position: number): void;
  /** for the flatness bench: pretends `position` tokens were read, rings filled with seeded noise */
  fillSynthetic(position: number, seed: number): void;
  release(): void;
}

export interface NativeAddon {
  readonly simd: SimdLevel;
  /** levels this machine can run; LONGLEAF_SIMD forces one */
  readonly available: readonly SimdLevel[];
  createCache(spec: NativeCacheSpec): NativeCache;
  /**
   * What the machine can do at most, for benches: floating point operations per second of the multiply-add that this
   * level's attention uses, one thread, in processor time (0 where that has no meaning: scalar); bytes per second that
   * `threads` threads read in order. Takes a third of a second and 192 MB.
   */
  measurePeak(simd: SimdLevel, threads: number): { operationsPerSecond: number; bytesPerSecond: number };
  /** bytes of `rows` packed rows */
  packedBytes(type: PackedType, rows: number, columns: number): number;
  /**
   * GGUF rows [rows][columns] to panels (native/src/packed.h), lossless.
   * @returns false where a scale or a float weight is infinite or no number
   */
  pack(type: PackedType, source: Uint8Array, rows: number, columns: number, target: Uint8Array): boolean;
  readonly NativeWeights: {
    /** zeroed memory */
    new (bytes: number): NativeWeights;
    /** a file, mapped read-only */
    new (path: string, offset: number, bytes: number): NativeWeights;
  };
  readonly NativeDense: new (weights: NativeWeights, spec: NativeDenseSpec) => NativeDense;
  /** what one thread of this processor can do at most with a level's instructions, a second; takes half a second */
  densePeaks(level: DenseLevel): DensePeaks;
  /** those that are used: LONGLEAF_SIMD, else the best */
  readonly dense: DenseLevel;
  /** dense kernels that this machine can run, best first; all give the same bits */
  readonly denseAvailable: readonly DenseLevel[];
}

/** Types of matrices that the dense kernels compute with. */
export const packedTypes = [
  'Q4_0',
  'Q4_1',
  'Q5_0',
  'Q5_1',
  'Q8_0',
  'Q4_K',
  'Q5_K',
  'Q6_K',
  'F16',
  'BF16',
  'F32',
] as const;
export type PackedType = (typeof packedTypes)[number];

export type DenseLevel = 'amx' | 'avx512vnni' | 'avxvnni' | 'avx2' | 'neon' | 'scalar';

export interface DensePeaks {
  /** multiplications and additions of int8 */
  readonly dots: number;
  /** of f32 */
  readonly multiplyAdds: number;
  /** bytes read from memory, in order */
  readonly read: number;
}

/** Packed weights. */
export interface NativeWeights {
  /** not for a mapped file */
  write(offset: number, bytes: Uint8Array): void;
  /** 16 hexadecimal digits that change with any bit; reads everything */
  checksum(): string;
}

/** Rows of one tensor; `offset` in bytes of the weights. */
export interface PackedSegment {
  readonly type: PackedType;
  readonly rows: number;
  readonly offset: number;
}

/** Outputs of its segments side by side. */
export interface PackedMatrix {
  readonly columns: number;
  readonly segments: readonly PackedSegment[];
}

/** In the order of the forward pass; null where the model has none. */
export interface NativeDenseLayer {
  readonly attentionNorm: Float32Array;
  readonly qkv: PackedMatrix;
  /** [(heads + 2 kvHeads) headDim] */
  readonly biases: Float32Array | null;
  /** [headDim], norms of each head */
  readonly queryNorm: Float32Array | null;
  readonly keyNorm: Float32Array | null;
  /** [headDim], multiplied into each query last */
  readonly queryScales: Float32Array | null;
  readonly output: PackedMatrix;
  readonly postAttentionNorm: Float32Array | null;
  readonly feedForwardNorm: Float32Array;
  readonly gate: PackedMatrix;
  readonly up: PackedMatrix;
  readonly down: PackedMatrix;
  readonly postFeedForwardNorm: Float32Array | null;
}

export interface NativeDenseSpec {
  readonly embedding: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly feedForward: number;
  readonly vocabulary: number;
  readonly epsilon: number;
  readonly embeddingScale: number;
  /** logit = c tanh(logit / c) */
  readonly logitSoftCap: number | null;
  readonly activation: 'silu' | 'gelu';
  readonly tokens: PackedMatrix;
  readonly layers: readonly NativeDenseLayer[];
  readonly outputNorm: Float32Array;
  readonly head: PackedMatrix;
  /** kernels to use (tests, benches); default: LONGLEAF_SIMD, else the best */
  readonly simd?: DenseLevel;
}

/** What a step of the dense part took, all threads together, since profiling began. */
export interface DenseProfileStep {
  readonly step: string;
  readonly seconds: number;
  /** multiplications and additions */
  readonly operations: number;
  /** of weights */
  readonly bytes: number;
  readonly calls: number;
}

/** The dense part of a model over packed weights. Rows are f32; results do not depend on threads or kernels. */
export interface NativeDense {
  readonly simd: DenseLevel;
  /** threads for many rows (each takes its own) and for few (they share the columns); 1 and 1 at first */
  setThreads(rowThreads: number, columnThreads: number): void;
  /** x [ids][embedding] */
  embed(ids: Int32Array, x: Float32Array): void;
  /** qkv [rows][(heads + 2 kvHeads) headDim] of layer 0 */
  entry(rows: number, x: Float32Array, qkv: Float32Array): void;
  /** from the attention of `layer` to q | k | v of the next one; residual [rows][embedding] moves on */
  joint(
    layer: number,
    rows: number,
    attention: Float32Array,
    residual: Float32Array,
    qkv: Float32Array,
  ): void;
  /** from the attention of the last layer to logits [rows][vocabulary]; `residual` is used up */
  logits(rows: number, attention: Float32Array, residual: Float32Array, logits: Float32Array): void;
  /** one row of logits: see `LogitSummary`; within 1e-6 of the reference */
  summarise(logits: Float32Array): LogitSummary;
  /** @returns what was counted; counting starts again, or ends */
  profile(on: boolean): readonly DenseProfileStep[];
  release(): void;
}
