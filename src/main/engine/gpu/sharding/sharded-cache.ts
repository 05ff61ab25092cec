/**
 * A state on several devices: the first device's cache, which answers for it, and equal ones on the others. Those lag
 * behind whenever the first device works alone, and catch up before a round: by the tokens that they missed, or, where
 * they have nothing of the state (it was forked or restored, or memory ran out), by a snapshot of the first one's.
 */
import { AppError } from '../../../../shared/errors.ts';
import type { CompiledPlan } from '../../plan/types.ts';
import type { Cache } from '../../runtime.ts';
import type { GpuCache } from '../gpu-cache.ts';
import type { LocalShard } from './local-shard.ts';
import type { CacheId, Shard } from './shard.ts';

/** Bytes of a snapshot that are handed over at once. */
const PAGE = 2 ** 22;

export interface Shards {
  readonly first: LocalShard;
  readonly others: readonly Shard[];
  /** rows of the largest chunk that a device computes alone */
  readonly chunkRows: number;
}

let lastId: CacheId = 0;

export class ShardedCache implements Cache {
  readonly id: CacheId = ++lastId;
  /** the first device's */
  readonly local: GpuCache;
  readonly #shards: Shards;
  /** which of the others hold the state up to the tokens of `#missed` */
  readonly #holds: boolean[];
  /** what the first device has read alone since */
  #missed: Int32Array[] = [];

  constructor(shards: Shards, local: GpuCache) {
    this.#shards = shards;
    this.local = local;
    this.#holds = shards.others.map(() => false);
    shards.first.adopt(this.id, local);
  }

  get compiled(): CompiledPlan {
    return this.local.compiled;
  }

  get position(): number {
    return this.local.position;
  }

  get reach(): Cache['reach'] {
    return this.local.reach;
  }

  /** On each device. */
  get bytes(): number {
    return this.local.bytes;
  }

  fork(): ShardedCache {
    return new ShardedCache(this.#shards, this.local.fork());
  }

  snapshotBytes(): number {
    return this.local.snapshotBytes();
  }

  readSnapshot(offset: number, target: Uint8Array): Promise<void> {
    return this.local.readSnapshot(offset, target);
  }

  writeSnapshot(offset: number, bytes: Uint8Array): void {
    this.local.writeSnapshot(offset, bytes);
  }

  finishRestore(position: number): void {
    this.local.finishRestore(position);
  }

  fillSynthetic(position: number, seed: number): void {
    this.local.fillSynthetic(position, seed);
  }

  release(): void {
    this.local.release();
    this.#shards.first.disown(this.id);
    for (const index of this.#holds.keys()) this.#forget(index);
  }

  /** The first device has read these alone. */
  missed(ids: Int32Array): void {
    if (this.#holds.includes(true)) this.#missed.push(ids.slice());
  }

  /**
   * Afterwards all devices hold the same.
   * @throws AppError naming the device that can't; the state is what it was
   */
  async catchUp(signal: AbortSignal | undefined): Promise<void> {
    const missed = Int32Array.from(this.#missed.flatMap((ids) => [...ids]));
    const caught = await Promise.allSettled(
      this.#shards.others.map((shard, index) =>
        this.#holds[index] ? this.#readMissed(shard, missed, signal) : this.#handOver(shard, signal),
      ),
    );
    // who failed in the middle has nothing of use; the others are up to date
    this.#missed = [];
    for (const [index, { status }] of caught.entries()) {
      if (status === 'fulfilled') this.#holds[index] = true;
      else this.#forget(index);
    }
    throwFirst(caught, this.#shards.others);
  }

  /** After a failure nobody knows what the others hold: the next round hands the state over anew. */
  forgetOthers(): void {
    for (const index of this.#holds.keys()) this.#forget(index);
  }

  async #readMissed(shard: Shard, ids: Int32Array, signal: AbortSignal | undefined): Promise<void> {
    const { chunkRows } = this.#shards;
    for (let done = 0; done < ids.length; done += chunkRows) {
      refuseCancelled(signal);
      await shard.forward(this.id, ids.slice(done, done + chunkRows));
    }
  }

  async #handOver(shard: Shard, signal: AbortSignal | undefined): Promise<void> {
    await shard.createCache(this.id, this.compiled.plan);
    if (this.position === 0) return;
    const bytes = this.snapshotBytes();
    for (let offset = 0; offset < bytes; offset += PAGE) {
      refuseCancelled(signal);
      const page = new Uint8Array(Math.min(PAGE, bytes - offset));
      await this.readSnapshot(offset, page);
      await shard.writeSnapshot(this.id, offset, page);
    }
    await shard.finishRestore(this.id, this.position);
  }

  #forget(index: number): void {
    this.#holds[index] = false;
    // a device that is lost has freed it already; the next round says so
    this.#shards.others[index].release(this.id).catch(() => undefined);
  }
}

function refuseCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new AppError('interrupted', 'The computation was cancelled.');
}

/** @throws AppError what went wrong, with the device's name; a device that was lost before all else */
export function throwFirst(
  results: readonly PromiseSettledResult<unknown>[],
  shards: readonly Pick<Shard, 'info'>[],
): void {
  const failures = results.flatMap((result, index) =>
    result.status === 'rejected' ? [named(result.reason, shards[index].info.device)] : [],
  );
  const failure = failures.find(({ code }) => code === 'engine-lost') ?? failures[0];
  if (failures.length > 0) throw failure;
}

function named(reason: unknown, device: string): AppError {
  if (!(reason instanceof AppError)) return new AppError('internal', `${device}: ${String(reason)}`);
  const { code, message, hint, details } = reason;
  if (code === 'interrupted') return reason;
  return new AppError(code, `${device}: ${message}`, hint, { cause: reason, ...(details && { details }) });
}
