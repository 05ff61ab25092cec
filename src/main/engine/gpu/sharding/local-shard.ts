/** A device of this process that takes part in rounds. */
import { AppError } from '../../../../shared/errors.ts';
import type { AttentionPlan } from '../../plan/types.ts';
import type { GpuCache } from '../gpu-cache.ts';
import type { GpuRuntime } from '../gpu-runtime.ts';
import type { Bytes, GpuRound, RoundRequest } from './gpu-round.ts';
import type { Given, Outbox } from './outbox.ts';
import { bytesOf } from './outbox.ts';
import type { CacheId, Shard, ShardInfo } from './shard.ts';

interface Held {
  readonly cache: GpuCache;
  round: GpuRound | null;
  /** ends the loan of the cache to the rounds since the last commit */
  giveBack: (() => void) | null;
}

export class LocalShard implements Shard {
  readonly info: ShardInfo;
  readonly #runtime: GpuRuntime;
  readonly #outbox: Outbox | null;
  readonly #held = new Map<CacheId, Held>();

  /** @param outbox where other processes find what it gives; null: all devices are of this process */
  constructor(runtime: GpuRuntime, outbox: Outbox | null = null) {
    this.#runtime = runtime;
    this.#outbox = outbox;
    const { device, variant, numericsVersion } = runtime;
    this.info = { device, variant, numericsVersion };
  }

  /** Takes a cache of this shard's runtime in, which stays the caller's. */
  adopt(id: CacheId, cache: GpuCache): void {
    this.#held.set(id, { cache, round: null, giveBack: null });
  }

  /** Forgets a cache that was adopted. */
  disown(id: CacheId): void {
    this.#held.delete(id);
  }

  async createCache(id: CacheId, plan: AttentionPlan): Promise<void> {
    this.adopt(id, this.#runtime.createCache(this.#runtime.compile(plan)));
  }

  async writeSnapshot(id: CacheId, offset: number, bytes: Bytes): Promise<void> {
    this.#of(id).cache.writeSnapshot(offset, bytes);
  }

  async finishRestore(id: CacheId, position: number): Promise<void> {
    this.#of(id).cache.finishRestore(position);
  }

  async forward(id: CacheId, ids: Int32Array): Promise<void> {
    await this.#runtime.forward(this.#of(id).cache, ids, { logits: 'none' });
  }

  async beginRound(id: CacheId, request: RoundRequest): Promise<Given> {
    const held = this.#of(id);
    held.giveBack ??= held.cache.borrow();
    held.round = this.#runtime.round(held.cache, request);
    return this.#give(await held.round.begin());
  }

  async nextLayer(id: CacheId, others: readonly Given[]): Promise<Given> {
    return this.#give(await this.#round(id).next(others.map(bytesOf)));
  }

  async endRound(id: CacheId, others: readonly Given[], wanted: number): Promise<Float32Array> {
    return this.#round(id).end(others.map(bytesOf), wanted);
  }

  async commit(id: CacheId, rows: number): Promise<void> {
    const { reach } = this.#round(id);
    const { cache } = this.#of(id);
    this.#endLoan(id);
    cache.commit(rows, reach);
  }

  async undo(id: CacheId): Promise<void> {
    const held = this.#held.get(id);
    if (held === undefined || held.giveBack === null) return;
    this.#endLoan(id);
    held.cache.undo();
  }

  async release(id: CacheId): Promise<void> {
    const held = this.#held.get(id);
    if (held === undefined) return;
    this.#endLoan(id);
    this.disown(id);
    held.cache.release();
  }

  async close(): Promise<void> {
    this.#held.clear();
    this.#outbox?.close();
    await this.#runtime.release();
  }

  #give(bytes: Bytes): Given {
    return this.#outbox?.give(bytes) ?? bytes;
  }

  #endLoan(id: CacheId): void {
    const held = this.#of(id);
    held.giveBack?.();
    held.giveBack = null;
    held.round = null;
  }

  #round(id: CacheId): GpuRound {
    const { round } = this.#of(id);
    if (round !== null) return round;
    throw new AppError('internal', 'A device was asked to go on with a round that it has not begun.');
  }

  #of(id: CacheId): Held {
    const held = this.#held.get(id);
    if (held !== undefined) return held;
    throw new AppError('internal', `A device was asked for the state ${String(id)}, which it does not have.`);
  }
}
