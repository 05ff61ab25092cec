/**
 * A device that takes part in rounds: in this process, or in one of its own. It holds the whole model, and of each
 * state that rounds are run on a cache that is equal to the first device's, bit for bit.
 */
import type { AttentionPlan } from '../../plan/types.ts';
import type { Bytes, RoundRequest } from './gpu-round.ts';
import type { Given } from './outbox.ts';

/** A state's number among all devices. */
export type CacheId = number;

export interface ShardInfo {
  /** what it computes on */
  readonly device: string;
  readonly variant: string;
  readonly numericsVersion: number;
}

export interface Shard {
  readonly info: ShardInfo;
  createCache(cache: CacheId, plan: AttentionPlan): Promise<void>;
  /** `Cache.writeSnapshot` and `Cache.finishRestore` */
  writeSnapshot(cache: CacheId, offset: number, bytes: Bytes): Promise<void>;
  finishRestore(cache: CacheId, position: number): Promise<void>;
  /** Appends 1 … 512 tokens alone, to catch up. */
  forward(cache: CacheId, ids: Int32Array): Promise<void>;
  /** See `GpuRound`. */
  beginRound(cache: CacheId, request: RoundRequest): Promise<Given>;
  nextLayer(cache: CacheId, others: readonly Given[]): Promise<Given>;
  endRound(cache: CacheId, others: readonly Given[], wanted: number): Promise<Float32Array>;
  /** The rounds since the last commit count: `rows` tokens. */
  commit(cache: CacheId, rows: number): Promise<void>;
  /** The rounds since the last commit never were. */
  undo(cache: CacheId): Promise<void>;
  /** Frees a cache, or nothing. */
  release(cache: CacheId): Promise<void>;
  close(): Promise<void>;
}

/** What may be asked of a shard in another process. */
export const shardMethods = [
  'createCache',
  'writeSnapshot',
  'finishRestore',
  'forward',
  'beginRound',
  'nextLayer',
  'endRound',
  'commit',
  'undo',
  'release',
  'close',
] as const satisfies readonly Exclude<keyof Shard, 'info'>[];
export type ShardMethod = (typeof shardMethods)[number];
