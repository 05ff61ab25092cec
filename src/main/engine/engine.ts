/**
 * The engine as the core sees it: token ids in, token ids out (design section 3). Implemented by the client of
 * the engine process (`client.ts`); `process.ts` is the other end.
 *
 * A state is addressed by what it is: model, plan, kernel variant and the token ids it has read. So a caller
 * never keeps track of checkpoints: it opens the ids it wants, is told how many of them a live or stored state
 * already holds, and prefills the rest. Resume after a kill, update after a changed file, edit of an old turn
 * and regeneration are all this one call.
 */
import type { SamplingParameters } from '../../shared/model/index.ts';
import type { ExchangeCounters } from './exchange.ts';
import type { AttentionPlan } from './plan/types.ts';
import type { Hyperparameters } from './runtime.ts';

export type BackendName = 'cpu' | 'webgpu' | 'reference';
export type Priority = 'chat' | 'reading';
/** a live state inside the engine process */
export type StateHandle = number;

export interface EngineInfo {
  readonly backend: BackendName;
  /** why this one, where `auto` chose; else null */
  readonly autoReason: string | null;
  readonly variant: string;
  readonly numericsVersion: number;
  readonly device: string;
  readonly threads: number;
  readonly modelHash: string;
  readonly hyperparameters: Hyperparameters;
  /** ms from the engine process's start to ready */
  readonly readyMs: number;
  /** process id of the engine process */
  readonly pid: number;
}

export interface OpenRequest {
  readonly plan: AttentionPlan;
  /** the whole context wanted; the longest stored or live prefix is restored */
  readonly ids: Int32Array;
  /** false: look at live states only (a fresh computation, for tests and benches: pass ids = empty) */
  readonly useStored?: boolean;
}

export interface OpenResult {
  readonly state: StateHandle;
  /** leading ids that the state already holds */
  readonly reused: number;
  readonly from: 'empty' | 'live' | 'stored';
  readonly ms: number;
}

export interface PrefillProgress {
  readonly done: number;
  readonly total: number;
}

export interface PrefillResult {
  /** tokens computed now: the engine's counter */
  readonly read: number;
  readonly position: number;
  readonly ms: number;
  readonly reach: { readonly exact: number; readonly sparse: number };
  /** where several devices shared the work: what they gave to each other for it */
  readonly exchange?: ExchangeCounters;
}

export interface GeneratedToken {
  readonly id: number;
  /** natural-log probability under the model, before sampling changes */
  readonly logProbability: number;
}

export interface GenerateRequest {
  readonly state: StateHandle;
  readonly sampling: SamplingParameters;
  /** ids that end the answer; they are not yielded, and not added to the state */
  readonly stop: readonly number[];
  readonly priority: Priority;
  /** false: no guesses beside the sampled token (`Runtime.mostDrafted`), for timings; the answer is the same */
  readonly drafts?: boolean;
}

export interface StoredState {
  readonly position: number;
  readonly bytes: number;
  /** SHA-256 over the canonical snapshot's pages: equal for every chunking, resume and number of devices */
  readonly checksum: string;
  readonly plan: string;
  readonly label: string;
  readonly createdAt: string;
  /** SHA-256 of the token ids read */
  readonly prefixHash: string;
}

export interface Engine {
  readonly info: EngineInfo;
  open(request: OpenRequest, signal?: AbortSignal): Promise<OpenResult>;
  /** position in the queue while waiting comes through onQueue (0 = running) */
  prefill(
    state: StateHandle,
    ids: Int32Array,
    options: {
      priority: Priority;
      signal?: AbortSignal;
      onProgress?: (progress: PrefillProgress) => void;
      onQueue?: (place: number) => void;
    },
  ): Promise<PrefillResult>;
  generate(request: GenerateRequest, signal?: AbortSignal): AsyncIterable<GeneratedToken>;
  /**
   * Appends ids and returns log P(id_i | everything before it), natural log; entry 0 is conditioned on the state
   * (NaN for an empty state). With `greedy`, also whether id_i is the argmax.
   */
  score(
    state: StateHandle,
    ids: Int32Array,
    options: { priority: Priority; signal?: AbortSignal },
  ): Promise<{ logProbabilities: Float32Array; greedy: Uint8Array }>;
  /** logits of the last `last` positions of ids read with `plan` from an empty state: f32 [last][vocabulary] */
  logits(ids: Int32Array, plan: AttentionPlan, last: number, signal?: AbortSignal): Promise<Float32Array>;
  fork(state: StateHandle): Promise<StateHandle>;
  release(state: StateHandle): Promise<void>;
  /**
   * Writes the state to state.db under `label` (a library id) and thins older checkpoints of that label
   * geometrically within the quota. Returns when it is durable. `onPage` reports written pages.
   */
  snapshot(state: StateHandle, label: string, signal?: AbortSignal): Promise<StoredState>;
  stored(label?: string): Promise<readonly StoredState[]>;
  /** longest stored prefix of ids, without restoring it: what an update would cost */
  findStored(plan: AttentionPlan, ids: Int32Array): Promise<number>;
  removeStored(label: string): Promise<number>;
  /** resident memory of the engine process, bytes */
  memory(): Promise<{ resident: number; peakResident: number }>;
  close(): Promise<void>;
}

/** An engine for benches: what its `startEngine` gives, beyond what the app needs. */
export interface BenchEngine extends Engine {
  /**
   * A state as if `position` tokens had been read: its rings are full of seeded noise. For the speed of a token
   * after a long context, never for memory or quality; it is not found by `open` and can't be saved.
   * @throws AppError 'unsupported' from a backend that cannot
   */
  openSynthetic(plan: AttentionPlan, position: number, seed: number): Promise<StateHandle>;
}
