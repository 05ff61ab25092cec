/**
 * The `webgpu` backend on several equal devices: sequence parallelism as in LongNet's paper. Rounds of up to
 * 512 tokens a device are read together; what is shorter, and answers, the first device computes alone.
 */
import { AppError } from '../../../../shared/errors.ts';
import type { ExchangeCounters } from '../../exchange.ts';
import { checkChunk, letOthersIn } from '../../forward.ts';
import type { AttentionPlan, CompiledPlan } from '../../plan/types.ts';
import type {
  Cache,
  DeviceGeneration,
  ForwardOptions,
  GeneratedOnDevice,
  Hyperparameters,
  Runtime,
} from '../../runtime.ts';
import type { GpuRuntime } from '../gpu-runtime.ts';
import { MAX_ROWS } from '../gpu-runtime.ts';
import { LocalShard } from './local-shard.ts';
import type { Given, Outbox } from './outbox.ts';
import type { Shard } from './shard.ts';
import type { Shards } from './sharded-cache.ts';
import { ShardedCache, throwFirst } from './sharded-cache.ts';
import { stretchesOf } from './stretch.ts';

/** Workgroups of a dispatch in one dimension: WebGPU's least limit. */
const MOST_WORKGROUPS = 65_535;

export interface ShardedOptions {
  /** where devices of other processes find what the first one gives; closed with the runtime */
  readonly outbox?: Outbox;
  /** for tests: rows of the longest stretch, instead of 512 */
  readonly stretchRows?: number;
  /** for tests: workgroups of a dispatch */
  readonly mostWorkgroups?: number;
}

export class ShardedRuntime implements Runtime {
  readonly backend = 'webgpu';
  readonly hyperparameters: Hyperparameters;
  readonly variant: string;
  readonly numericsVersion: number;
  readonly device: string;
  readonly maxRows: number;
  readonly #runtime: GpuRuntime;
  readonly #shards: Shards;
  readonly #all: readonly Shard[];
  readonly #mostWorkgroups: number;
  readonly #exchange = { rounds: 0, layers: 0, bytes: 0, waitMs: 0, ms: 0 };
  #idle: Promise<unknown> = Promise.resolve();

  /**
   * @param runtime the first device's; its rings have room for a round
   * @param others released with this runtime
   * @throws AppError 'unsupported' when the devices do not give equal bits
   */
  constructor(runtime: GpuRuntime, others: readonly Shard[], options: ShardedOptions = {}) {
    const first = new LocalShard(runtime, options.outbox);
    this.#all = [first, ...others];
    requireEqual(this.#all);
    this.#runtime = runtime;
    this.#shards = { first, others, chunkRows: options.stretchRows ?? MAX_ROWS };
    this.#mostWorkgroups = options.mostWorkgroups ?? MOST_WORKGROUPS;
    this.hyperparameters = runtime.hyperparameters;
    this.variant = runtime.variant;
    this.numericsVersion = runtime.numericsVersion;
    this.device = this.#all.map(({ info }) => info.device).join(' + ');
    this.maxRows = this.#all.length * this.#shards.chunkRows;
  }

  /** What rounds have exchanged since the beginning. */
  get exchanged(): ExchangeCounters {
    return { devices: this.#all.length, ...this.#exchange };
  }

  compile(plan: AttentionPlan): CompiledPlan {
    return this.#runtime.compile(plan);
  }

  createCache(compiled: CompiledPlan): ShardedCache {
    return new ShardedCache(this.#shards, this.#runtime.createCache(compiled));
  }

  async forward(cache: Cache, ids: Int32Array, options: ForwardOptions): Promise<Float32Array> {
    const sharded = ownCache(cache);
    return this.#alone(async () => {
      if (ids.length > this.#shards.chunkRows) return this.#inRounds(sharded, ids, options);
      const logits = await this.#runtime.forward(sharded.local, ids, options);
      sharded.missed(ids);
      return logits;
    });
  }

  async generate(cache: Cache, request: DeviceGeneration): Promise<GeneratedOnDevice | null> {
    const sharded = ownCache(cache);
    return this.#alone(() =>
      this.#runtime.generate(sharded.local, {
        ...request,
        onToken: (token) => {
          sharded.missed(Int32Array.of(token.id));
          request.onToken(token);
        },
      }),
    );
  }

  async release(): Promise<void> {
    await Promise.allSettled(this.#all.map((shard) => shard.close()));
  }

  /** One after another: between its layers a round needs the buffers that all states share. */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#idle;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#idle = promise;
    await before;
    try {
      return await work();
    } finally {
      resolve(undefined);
    }
  }

  /** All or nothing: rounds count together, at the end. */
  async #inRounds(cache: ShardedCache, ids: Int32Array, options: ForwardOptions): Promise<Float32Array> {
    checkChunk(ids, this.hyperparameters.vocabulary, this.maxRows);
    await cache.catchUp(options.signal);
    const most = this.#roundRows(cache.compiled);
    const logits: Float32Array[] = [];
    try {
      for (let done = 0; done < ids.length;) {
        // even rounds: none is shorter than there are devices
        const rounds = Math.ceil((ids.length - done) / most);
        const rows = Math.ceil((ids.length - done) / rounds);
        const isLast = done + rows === ids.length;
        const wanted = options.logits === 'last' && !isLast ? 'none' : options.logits;
        const round = ids.subarray(done, done + rows);
        logits.push(...(await this.#round(cache, round, done, { ...options, logits: wanted })));
        done += rows;
      }
    } catch (error) {
      await this.#undo(cache);
      throw error;
    }
    await this.#commit(cache, ids.length);
    return joined(logits);
  }

  /** @returns logits of each device's rows, where they are wanted */
  async #round(
    cache: ShardedCache,
    ids: Int32Array,
    ahead: number,
    options: ForwardOptions,
  ): Promise<readonly Float32Array[]> {
    const devices = this.#all.length;
    const stretches = stretchesOf(ids.length, devices);
    const { layers } = this.hyperparameters;
    const started = performance.now();
    const { id } = cache;
    let given = await this.#onAll((shard, own) => {
      const { first, rows, total } = stretches[own];
      const mine = ids.slice(first, first + rows);
      return shard.beginRound(id, { ids: mine, total, devices, own, ahead });
    });
    const others = (own: number): readonly Given[] => given.filter((_, device) => device !== own);
    for (let layer = 0; layer < layers - 1; layer++) {
      this.#count(given);
      await letOthersIn(options);
      given = await this.#onAll((shard, own) => shard.nextLayer(id, others(own)));
    }
    this.#count(given);
    await letOthersIn(options);
    const logits = await this.#onAll((shard, own) => {
      const isLast = own === devices - 1;
      const wanted = { none: 0, last: isLast ? 1 : 0, all: stretches[own].rows }[options.logits];
      return shard.endRound(id, others(own), wanted);
    });
    this.#exchange.rounds++;
    this.#exchange.ms += performance.now() - started;
    return logits;
  }

  /** Asks all devices at once, and waits until none is at work. @throws AppError naming the one that failed */
  async #onAll<T>(work: (shard: Shard, index: number) => Promise<T>): Promise<T[]> {
    let firstDone = 0;
    const asked = this.#all.map((shard, index) => work(shard, index));
    const noteFirst = (): void => {
      firstDone = performance.now();
    };
    void asked[0].then(noteFirst, noteFirst);
    const results = await Promise.allSettled(asked);
    this.#exchange.waitMs += performance.now() - firstDone;
    throwFirst(results, this.#all);
    return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  }

  /** The first device last: it answers for the state. */
  async #commit(cache: ShardedCache, rows: number): Promise<void> {
    const { first, others } = this.#shards;
    const committed = await Promise.allSettled(others.map((shard) => shard.commit(cache.id, rows)));
    if (committed.some(({ status }) => status === 'rejected')) {
      await first.undo(cache.id);
      cache.forgetOthers();
    }
    throwFirst(committed, others);
    await first.commit(cache.id, rows);
  }

  async #undo(cache: ShardedCache): Promise<void> {
    const undone = await Promise.allSettled(this.#all.map((shard) => shard.undo(cache.id)));
    if (undone.some(({ status }) => status === 'rejected')) cache.forgetOthers();
  }

  #count(given: readonly Given[]): void {
    this.#exchange.layers++;
    for (const { length } of given) this.#exchange.bytes += length;
  }

  /** Entries of a round are one workgroup each, in one dispatch. */
  #roundRows({ rings }: CompiledPlan): number {
    const { heads } = this.hyperparameters;
    const besides = rings.length + heads * this.#shards.chunkRows;
    const perRow = rings.reduce((sum, { stride }) => sum + 1 / stride, 0);
    const fitting = Math.floor((this.#mostWorkgroups - besides) / perRow);
    return Math.max(this.#all.length, Math.min(this.maxRows, fitting));
  }
}

function ownCache(cache: Cache): ShardedCache {
  if (cache instanceof ShardedCache) return cache;
  throw new AppError('internal', 'The webgpu backend was given a cache of another backend.');
}

function requireEqual(shards: readonly Shard[]): void {
  const [{ info: first }, ...others] = shards;
  for (const { info } of others) {
    if (info.variant === first.variant && info.numericsVersion === first.numericsVersion) continue;
    throw new AppError(
      'unsupported',
      `${first.device} and ${info.device} do not compute alike (${first.variant}, ${info.variant}): ` +
        'one state can’t be shared between them.',
      'Name graphics cards of one model with one driver, as NAME#1,NAME#2.',
    );
  }
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
