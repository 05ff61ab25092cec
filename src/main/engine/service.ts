/**
 * What the engine process does, without the process: every request of `Engine` on one runtime, one queue, the
 * live states and the stored ones. `process.ts` puts it behind IPC.
 */
import { createHash } from 'node:crypto';
import { AppError } from '../../shared/errors.ts';
import { TokenAppender } from './append-tokens.ts';
import type {
  EngineInfo,
  GeneratedToken,
  GenerateRequest,
  OpenRequest,
  OpenResult,
  PrefillResult,
  Priority,
  StateHandle,
  StoredState,
} from './engine.ts';
import { exchangedSince, type ExchangeCounters } from './exchange.ts';
import { generateOnHost } from './host-generation.ts';
import { LiveStates, type LiveState } from './live-states.ts';
import { canonicalPlan } from './plan/schema.ts';
import type { AttentionPlan, CompiledPlan } from './plan/types.ts';
import { interrupted, WorkQueue, type Turn } from './queue.ts';
import type { Cache, Runtime } from './runtime.ts';
import { logProbability, summarise, type LogitSummary } from './scoring.ts';
import type { StateIdentity, StateStore } from './state/store.ts';
import { TokenHistory } from './token-history.ts';

export interface ServiceOptions {
  readonly runtime: Runtime;
  readonly modelHash: string;
  /** why this backend, where `auto` chose */
  readonly autoReason?: string | null;
  readonly device: string;
  /** null: nothing is stored (benches, tests) */
  readonly store: StateStore | null;
  /** limit of all live states together, bytes */
  readonly maxMemoryBytes: number;
  /** requests that may wait */
  readonly queueLimit: number;
  readonly readyMs: number;
  /** rows of the largest chunk, if fewer than the runtime's */
  readonly maxRows?: number;
}

/** What a request may be given besides its arguments. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onPlace?: ((place: number) => void) | undefined;
}

export class EngineService {
  readonly info: EngineInfo;
  readonly #runtime: Runtime;
  readonly #modelHash: string;
  readonly #store: StateStore | null;
  readonly #queue: WorkQueue;
  readonly #states: LiveStates;
  readonly #appender: TokenAppender;
  readonly #compiled = new Map<string, CompiledPlan>();

  constructor(options: ServiceOptions) {
    const { runtime } = options;
    this.#runtime = runtime;
    this.#modelHash = options.modelHash;
    this.#store = options.store;
    this.#queue = new WorkQueue(options.queueLimit);
    this.#states = new LiveStates(options.maxMemoryBytes);
    this.#appender = new TokenAppender(runtime, Math.min(options.maxRows ?? Infinity, runtime.maxRows));
    this.info = {
      backend: runtime.backend,
      autoReason: options.autoReason ?? null,
      variant: runtime.variant,
      numericsVersion: runtime.numericsVersion,
      device: options.device,
      threads: runtime.threads ?? 1,
      modelHash: options.modelHash,
      hyperparameters: runtime.hyperparameters,
      readyMs: options.readyMs,
      pid: process.pid,
    };
  }

  /** The longest prefix of the ids that a live or a stored state holds; see `Engine.open`. */
  async open(
    { plan, ids, useStored }: OpenRequest,
    { signal, onPlace }: CallOptions = {},
  ): Promise<OpenResult> {
    const open = async (): Promise<OpenResult> => {
      const started = performance.now();
      const { identity } = this.#identify(plan);
      const live = this.#states.longestPrefix(identity.key, ids);
      const liveLength = live?.history.length ?? 0;
      const stored = useStored === false ? null : await this.#restore(identity, ids, liveLength, signal);
      const ms = (): number => performance.now() - started;
      if (stored !== null) {
        const state = this.#states.hold(stored);
        return { state, reused: stored.history.length, from: 'stored', ms: ms() };
      }
      if (live !== null)
        return { state: this.#states.branch(live), reused: liveLength, from: 'live', ms: ms() };
      const state = this.#states.hold({
        identity: identity.key,
        cache: this.#createCache(plan),
        history: new TokenHistory(),
        logits: null,
      });
      return { state, reused: 0, from: 'empty', ms: ms() };
    };
    return this.#queue.run('chat', open, { signal, onPlace });
  }

  async prefill(
    handle: StateHandle,
    ids: Int32Array,
    priority: Priority,
    options: CallOptions & { onProgress?: (done: number) => void } = {},
  ): Promise<PrefillResult> {
    return this.#change(handle, priority, options, async (state, turn) => {
      const started = performance.now();
      const before = state.cache.position;
      const exchanged = this.#runtime.exchanged;
      const { signal, onProgress } = options;
      await this.#appender.append(state, ids, { priority, turn, signal, logits: 'last', onProgress });
      return {
        read: state.cache.position - before,
        position: state.cache.position,
        ms: performance.now() - started,
        reach: state.cache.reach,
        ...this.#exchangeSince(exchanged),
      };
    });
  }

  /**
   * Samples until a stop id, `maxTokens`, or a cancel: on the device, or here (`generateOnHost`).
   * @throws AppError 'usage' when the state does not know the logits of its last position
   */
  async generate(
    request: GenerateRequest,
    onToken: (token: GeneratedToken) => void,
    options: CallOptions = {},
  ): Promise<void> {
    await this.#change(request.state, request.priority, options, async (state, turn) => {
      if (await this.#generateOnDevice(state, request, onToken, options.signal)) return;
      const how = { priority: request.priority, turn, signal: options.signal };
      await generateOnHost(state, request, onToken, {
        vocabulary: this.#runtime.hyperparameters.vocabulary,
        mostDrafted: request.drafts === false ? 0 : (this.#runtime.mostDrafted ?? 0),
        summarise: (logits) => this.#summarise(logits),
        logits: () => knownLogits(state),
        append: (id) => this.#appender.append(state, Int32Array.of(id), { ...how, logits: 'last' }),
        appendDrafted: (ids, accept) => this.#appender.appendDrafted(state, ids, accept, how),
      });
    });
  }

  #summarise(logits: Float32Array): LogitSummary {
    return this.#runtime.summarise?.(logits) ?? summarise(logits);
  }

  #exchangeSince(before: ExchangeCounters | undefined): Pick<PrefillResult, 'exchange'> {
    const now = this.#runtime.exchanged;
    return before === undefined || now === undefined ? {} : { exchange: exchangedSince(before, now) };
  }

  /** @returns whether the backend took it */
  async #generateOnDevice(
    state: LiveState,
    { sampling, stop }: GenerateRequest,
    onToken: (token: GeneratedToken) => void,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const result = await this.#runtime.generate?.(state.cache, {
      sampling,
      logits: knownLogits(state),
      context: state.history.ids(),
      stop,
      signal,
      onToken: (token) => {
        state.history.append(Int32Array.of(token.id));
        state.logits = null;
        onToken(token);
      },
    });
    if (result === undefined || result === null) return false;
    state.logits = result.logits;
    if (result.reason === 'aborted') throw interrupted();
    return true;
  }

  /** See `Engine.score`. */
  async score(
    handle: StateHandle,
    ids: Int32Array,
    priority: Priority,
    options: CallOptions = {},
  ): Promise<{ logProbabilities: Float32Array; greedy: Uint8Array }> {
    const { vocabulary } = this.#runtime.hyperparameters;
    const logProbabilities = new Float32Array(ids.length).fill(Number.NaN);
    const greedy = new Uint8Array(ids.length);
    const note = (index: number, logits: Float32Array): void => {
      if (index >= ids.length) return;
      const summary = this.#summarise(logits);
      logProbabilities[index] = logProbability(logits, ids[index], summary);
      greedy[index] = summary.best === ids[index] ? 1 : 0;
    };
    return this.#change(handle, priority, options, async (state, turn) => {
      if (state.logits !== null) note(0, state.logits);
      await this.#appender.append(state, ids, {
        priority,
        turn,
        signal: options.signal,
        logits: 'all',
        onLogits: (first, logits) => {
          for (let row = 0; row * vocabulary < logits.length; row++)
            note(first + row + 1, logits.subarray(row * vocabulary, (row + 1) * vocabulary));
        },
      });
      return { logProbabilities, greedy };
    });
  }

  /** Logits of the last positions of ids, in slices of whole rows, in order; see `Engine.logits`. */
  async logits(
    ids: Int32Array,
    plan: AttentionPlan,
    last: number,
    onRows: (rows: Float32Array) => Promise<void> | void,
    options: CallOptions = {},
  ): Promise<void> {
    if (last > ids.length)
      throw new AppError(
        'usage',
        `Logits of ${last} positions were asked for, but there are ${ids.length} ids.`,
      );
    const work = async (turn: Turn): Promise<void> => {
      const cache = this.#createCache(plan);
      try {
        const state: LiveState = { identity: '', cache, history: new TokenHistory(), logits: null };
        const common = { priority: 'chat', turn, signal: options.signal } as const;
        const first = ids.length - last;
        await this.#appender.append(state, ids.subarray(0, first), { ...common, logits: 'last' });
        await this.#appender.append(state, ids.subarray(first), {
          ...common,
          logits: 'all',
          onLogits: (_, rows) => onRows(rows),
        });
      } finally {
        cache.release();
      }
    };
    await this.#queue.run('chat', work, options);
  }

  /** See `BenchEngine.openSynthetic`. Its identity is that of no plan, so no prefix of any ids is found in it. */
  openSynthetic(
    plan: AttentionPlan,
    position: number,
    seed: number,
    options: CallOptions = {},
  ): Promise<StateHandle> {
    const open = (): StateHandle => {
      const cache = this.#createCache(plan);
      if (cache.fillSynthetic === undefined)
        throw new AppError(
          'unsupported',
          `The ${this.#runtime.backend} backend has no synthetic states.`,
          'Use --backend cpu.',
        );
      cache.fillSynthetic(position, seed);
      const history = new TokenHistory(new Int32Array(position));
      return this.#states.hold({ identity: '', cache, history, logits: null });
    };
    return this.#queue.run('chat', open, options);
  }

  /** An independent state, equal bit for bit; of a state that is being read: as of its last complete chunk. */
  fork(handle: StateHandle, options: CallOptions = {}): Promise<StateHandle> {
    return this.#queue.run('chat', () => this.#states.branch(this.#states.get(handle)), options);
  }

  release(handle: StateHandle): void {
    this.#states.release(handle);
  }

  /** See `Engine.snapshot`. A chat that arrives meanwhile is served between two pages. */
  async snapshot(handle: StateHandle, label: string, options: CallOptions = {}): Promise<StoredState> {
    const store = this.#requireStore();
    return this.#change(handle, 'reading', options, (state, turn) => {
      const { identity } = this.#identify(state.cache.compiled.plan);
      if (state.identity !== identity.key)
        throw new AppError('usage', 'A synthetic state was never read: it is not saved.');
      return store.save({
        identity,
        label,
        state,
        betweenPages: async () => {
          await new Promise((resolve) => setImmediate(resolve));
          if (options.signal?.aborted === true) throw interrupted();
          await turn.yieldToChat();
        },
      });
    });
  }

  stored(label?: string): readonly StoredState[] {
    return this.#store?.list(label) ?? [];
  }

  findStored(plan: AttentionPlan, ids: Int32Array): number {
    const { identity } = this.#identify(plan);
    return this.#store?.longestPrefix(identity, ids, 0)?.position ?? 0;
  }

  async removeStored(label: string): Promise<number> {
    return (await this.#store?.remove(label)) ?? 0;
  }

  memory(): { resident: number; peakResident: number } {
    // maxRSS is in kilobytes (libuv's uv_getrusage) on every platform.
    return { resident: process.memoryUsage.rss(), peakResident: process.resourceUsage().maxRSS * 1024 };
  }

  /** Frees everything. The caller has cancelled what was running. */
  async close(): Promise<void> {
    await this.#queue.idle();
    this.#states.clear();
    this.#store?.close();
    await this.#runtime.release();
  }

  async #restore(
    identity: StateIdentity,
    ids: Int32Array,
    longerThan: number,
    signal: AbortSignal | undefined,
  ): Promise<LiveState | null> {
    if (this.#store === null) return null;
    const restored = await this.#store.restore(identity, ids, longerThan, {
      createCache: () => this.#createCache(identity.plan),
      signal,
    });
    if (restored === null) return null;
    const history = new TokenHistory(ids.subarray(0, restored.cache.position));
    return { identity: identity.key, cache: restored.cache, history, logits: restored.logits };
  }

  /** Queued work that changes or saves one state. */
  async #change<T>(
    handle: StateHandle,
    priority: Priority,
    options: CallOptions,
    task: (state: LiveState, turn: Turn) => Promise<T>,
  ): Promise<T> {
    return this.#queue.run(
      priority,
      (turn) => this.#states.exclusive(handle, (state) => task(state, turn)),
      options,
    );
  }

  #createCache(plan: AttentionPlan): Cache {
    return this.#runtime.createCache(this.#identify(plan).compiled);
  }

  #identify(plan: AttentionPlan): { compiled: CompiledPlan; identity: StateIdentity } {
    const canonical = canonicalPlan(plan);
    let compiled = this.#compiled.get(canonical);
    if (compiled === undefined) {
      compiled = this.#runtime.compile(plan);
      this.#compiled.set(canonical, compiled);
    }
    const { variant, numericsVersion } = this.#runtime;
    const key = createHash('sha256')
      .update(JSON.stringify([this.#modelHash, canonical, variant, numericsVersion]))
      .digest('hex');
    return { compiled, identity: { key, modelHash: this.#modelHash, plan, variant, numericsVersion } };
  }

  #requireStore(): StateStore {
    if (this.#store !== null) return this.#store;
    throw new AppError('usage', 'This engine was started without a data folder: it cannot save states.');
  }
}

function knownLogits(state: LiveState): Float32Array {
  if (state.logits !== null) return state.logits;
  throw new AppError('usage', 'Nothing was read into this state yet.', 'Prefill at least one token first.');
}
