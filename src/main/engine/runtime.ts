/**
 * What a backend is: hyperparameters of the loaded model, caches, and one forward pass. `reference` (plain
 * TypeScript, the specification), `cpu` (native kernels) and `webgpu` (WGSL on Dawn) implement
 * it; the engine process is written against it and knows none of them.
 */
import type { SamplingParameters } from '../../shared/model/index.ts';
import type { ArchitectureName } from './architectures.ts';
import type { ExchangeCounters } from './exchange.ts';
import type { AttentionPlan, CompiledPlan } from './plan/types.ts';
import type { LogitSummary } from './scoring.ts';

/** How a layer attends: models mix layers that see everything with layers of a short sliding window. */
export interface AttentionKind {
  /** keys that a query sees at most, its own included; null: what the plan shows */
  readonly window: number | null;
  readonly ropeBase: number;
  /** positions are multiplied by it (linear scaling) */
  readonly ropeScale: number;
  /** f32 [ropeDimensions / 2], per-pair divisors of the frequencies (llama 3's rope_freqs, phi 3's), or null */
  readonly ropeFactors: Float32Array | null;
}

/**
 * A model's architecture as data. RMSNorm weights are as the file has them (Gemma's "1 + w" is in them already).
 * Which tensors hold what: `model-tensors.ts`; frequencies, query scales and the order of rows: `rope.ts`.
 */
export interface Hyperparameters {
  readonly architecture: ArchitectureName;
  readonly name: string;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly embedding: number;
  readonly feedForward: number;
  readonly vocabulary: number;
  /** T, in tokens */
  readonly trainedLength: number;
  /** the kinds that occur; kind 0 sees furthest: caches are compiled for it and count their reach in its layers */
  readonly attentionKinds: readonly AttentionKind[];
  /** index into `attentionKinds` of each layer */
  readonly layerKinds: readonly number[];
  /** dimensions of a head that are rotated */
  readonly ropeDimensions: number;
  /** pairs (2i, 2i + 1) or (i, i + ropeDimensions / 2) in the file; computed is the first only (`headOrder`) */
  readonly ropeStyle: 'interleaved' | 'neox';
  /** cosines and sines are multiplied by it; applied through `queryScales` */
  readonly ropeMagnitude: number;
  /** score = attentionScale * q . k; applied through `queryScales` */
  readonly attentionScale: number;
  /** score = c tanh(score / c) before the softmax, or null */
  readonly attentionSoftCap: number | null;
  /** logit = c tanh(logit / c), or null */
  readonly logitSoftCap: number | null;
  /** embedding rows are multiplied by it */
  readonly embeddingScale: number;
  /** of the feed-forward gate; gelu by its tanh approximation */
  readonly activation: 'silu' | 'gelu';
  readonly rmsEpsilon: number;
}

/** Keys and values of one sequence in every layer, for one plan. Not shared between sequences; copy with fork(). */
export interface Cache {
  readonly compiled: CompiledPlan;
  /** tokens in the cache = position of the next token */
  readonly position: number;
  /** bytes of memory held now */
  readonly bytes: number;
  /** keys that the last position attends to in one KV head, counted by the kernel (design: receipt's reach) */
  readonly reach: { readonly exact: number; readonly sparse: number };
  /** independent copy, equal bit for bit */
  fork(): Cache;
  /** length in bytes of the canonical snapshot: no slack, no garbage; depends on position only */
  snapshotBytes(): number;
  /**
   * Fills `target` with snapshot bytes [offset, offset + target.length); await it: some backends fetch them from
   * another memory.
   */
  readSnapshot(offset: number, target: Uint8Array): void | Promise<void>;
  /** the other way: call for all bytes in ascending order, on a cache made by createCache, then finishRestore */
  writeSnapshot(offset: number, bytes: Uint8Array): void;
  /** @param position tokens that the snapshot held */
  finishRestore(position: number): void;
  /** for benches, where a backend has it: fills the rings with seeded noise as if `position` tokens had been read */
  fillSynthetic?(position: number, seed: number): void;
  /** frees the memory; the cache must not be used afterwards */
  release(): void;
}

export interface ForwardOptions {
  /** which rows' logits come back: f32 [rows][vocabulary], rows in token order */
  readonly logits: 'none' | 'last' | 'all';
  readonly signal?: AbortSignal;
  /**
   * For a chunk whose ids after the first are guesses, on a backend with `mostDrafted`; with `logits` 'all'. Called once
   * with the logits of all rows (valid during the call); returns how many rows are kept, 1 … all. The cache ends behind
   * them, as if the others had never been there; the logits that come back are the last kept row's.
   */
  readonly accept?: (logits: Float32Array) => number;
  /** awaited between layers: lets other work of the process in, at layer granularity */
  readonly betweenLayers?: () => Promise<void> | void;
}

/** An answer that a backend generates without handing each row of logits over: see `Runtime.generate`. */
export interface DeviceGeneration {
  readonly sampling: SamplingParameters;
  /** of the cache's last position: f32 [vocabulary] */
  readonly logits: Float32Array;
  /** ids in the cache: the repetition penalty looks at the last ones */
  readonly context: ArrayLike<number>;
  /** ids that end the answer: neither reported nor added to the cache */
  readonly stop: readonly number[];
  readonly signal?: AbortSignal | undefined;
  /** each token when it is in the cache */
  readonly onToken: (token: { readonly id: number; readonly logProbability: number }) => void;
}

export interface GeneratedOnDevice {
  readonly reason: 'stop' | 'length' | 'aborted';
  /** of the cache's last position now: f32 [vocabulary] */
  readonly logits: Float32Array;
}

export interface Runtime {
  readonly backend: 'reference' | 'cpu' | 'webgpu';
  readonly hyperparameters: Hyperparameters;
  /** kernel variant, e.g. 'cpu-dense8b32-attention-avx512bf16-kv16' : stands in a state's header; never mixed within one state */
  readonly variant: string;
  /** raised whenever the same inputs would give other bits */
  readonly numericsVersion: number;
  /** threads that it computes with; absent = 1. Results do not depend on it. */
  readonly threads?: number;
  /** what it computes on, where that is not the processor */
  readonly device?: string;
  /** largest number of rows of one forward call */
  readonly maxRows: number;
  /** where several devices share the work: what they have given to each other since they were opened */
  readonly exchanged?: ExchangeCounters;
  /** Guessed ids that are worth their rows in a chunk of an answer (`ForwardOptions.accept`); absent = 0. */
  readonly mostDrafted?: number;
  compile(plan: AttentionPlan): CompiledPlan;
  createCache(compiled: CompiledPlan): Cache;
  /**
   * Appends `ids` (1 … maxRows) to the cache. On abort or error the cache's position is unchanged and the call
   * may be repeated.
   * @returns the wanted logits, the caller's own
   * @throws AppError 'interrupted' when the signal fires
   */
  forward(cache: Cache, ids: Int32Array, options: ForwardOptions): Promise<Float32Array>;
  /**
   * Where a backend has it: samples and appends up to `sampling.maxTokens` tokens, several in flight; what was
   * speculated past a stop is not in the cache. `null`: it does not draw by these parameters, sample row by row.
   */
  generate?(cache: Cache, request: DeviceGeneration): Promise<GeneratedOnDevice | null>;
  /** Where a backend is quicker at it than `summarise` of scoring.ts: the same of one row of logits, within 1e-6. */
  summarise?(logits: Float32Array): LogitSummary;
  release(): Promise<void>;
}
