/**
 * Starts an engine process and is its only user: the core's `Engine`. When the process ends unexpectedly, every
 * open call fails with 'engine-lost'; what was stored survives, and a new engine resumes from it.
 */
import { EngineConnection, type ConnectionEvents } from './connection.ts';
import type {
  BenchEngine,
  Engine,
  EngineInfo,
  GeneratedToken,
  GenerateRequest,
  OpenRequest,
  OpenResult,
  PrefillResult,
  StateHandle,
  StoredState,
} from './engine.ts';
import type { AttentionPlan } from './plan/types.ts';
import type { Items, Results, StartOptions } from './protocol.ts';

export interface StartEngineOptions extends StartOptions, ConnectionEvents {}

/**
 * Starts the engine process and resolves when the model is loaded.
 * @throws AppError as the process reports it: 'invalid-input' or 'unsupported' for the model file, 'busy' when
 *   another process has state.db, 'engine-lost' when the process dies while starting
 */
export async function startEngine(options: StartEngineOptions): Promise<BenchEngine> {
  const { onNote, onExit, ...start } = options;
  const connection = new EngineConnection(start, { onNote, onExit });
  return new EngineClient(connection, await connection.ready);
}

class EngineClient implements BenchEngine {
  readonly info: EngineInfo;
  readonly #connection: EngineConnection;

  constructor(connection: EngineConnection, info: EngineInfo) {
    this.#connection = connection;
    this.info = info;
  }

  open(request: OpenRequest, signal?: AbortSignal): Promise<OpenResult> {
    return this.#connection.call('open', request, { signal });
  }

  prefill(
    state: StateHandle,
    ids: Int32Array,
    { priority, signal, onProgress, onQueue }: Parameters<Engine['prefill']>[2],
  ): Promise<PrefillResult> {
    const onItem = (item: Items['prefill']): void => {
      if ('done' in item) onProgress?.({ done: item.done, total: ids.length });
      else onQueue?.(item.place);
    };
    return this.#connection.call('prefill', { state, ids, priority }, { signal, onItem });
  }

  async *generate(request: GenerateRequest, signal?: AbortSignal): AsyncGenerator<GeneratedToken, void> {
    const stop = new AbortController();
    const signals = signal === undefined ? [stop.signal] : [stop.signal, signal];
    const tokens: GeneratedToken[] = [];
    let wake = (): void => undefined;
    let hasEnded = false;
    const end = this.#connection
      .call('generate', request, {
        signal: AbortSignal.any(signals),
        onItem: (token) => {
          tokens.push(token);
          wake();
        },
      })
      .finally(() => {
        hasEnded = true;
        wake();
      });
    end.catch(() => undefined); // Reported below, when the tokens before it have been taken.
    try {
      for (;;) {
        for (let token = tokens.shift(); token !== undefined; token = tokens.shift()) yield token;
        if (hasEnded) break;
        const { promise, resolve } = Promise.withResolvers<undefined>();
        wake = () => resolve(undefined);
        await promise;
      }
      await end;
    } finally {
      // A consumer that stops early frees the state: it may be used again when this generator has returned.
      stop.abort();
      await end.catch(() => undefined);
    }
  }

  score(
    state: StateHandle,
    ids: Int32Array,
    { priority, signal }: Parameters<Engine['score']>[2],
  ): Promise<Results['score']> {
    return this.#connection.call('score', { state, ids, priority }, { signal });
  }

  async logits(
    ids: Int32Array,
    plan: AttentionPlan,
    last: number,
    signal?: AbortSignal,
  ): Promise<Float32Array> {
    const all = new Float32Array(last * this.info.hyperparameters.vocabulary);
    let received = 0;
    const onItem = (rows: Float32Array): void => {
      all.set(rows, received);
      received += rows.length;
    };
    await this.#connection.call('logits', { ids, plan, last }, { signal, onItem });
    return all;
  }

  openSynthetic(plan: AttentionPlan, position: number, seed: number): Promise<StateHandle> {
    return this.#connection.call('openSynthetic', { plan, position, seed });
  }

  fork(state: StateHandle): Promise<StateHandle> {
    return this.#connection.call('fork', { state });
  }

  release(state: StateHandle): Promise<void> {
    return this.#connection.call('release', { state });
  }

  snapshot(state: StateHandle, label: string, signal?: AbortSignal): Promise<StoredState> {
    return this.#connection.call('snapshot', { state, label }, { signal });
  }

  stored(label?: string): Promise<readonly StoredState[]> {
    return this.#connection.call('stored', label === undefined ? {} : { label });
  }

  findStored(plan: AttentionPlan, ids: Int32Array): Promise<number> {
    return this.#connection.call('findStored', { plan, ids });
  }

  removeStored(label: string): Promise<number> {
    return this.#connection.call('removeStored', { label });
  }

  memory(): Promise<Results['memory']> {
    return this.#connection.call('memory', {});
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}
