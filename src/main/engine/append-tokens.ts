/**
 * Reads any number of tokens into a state: chunk after chunk, with progress, cancel at layer granularity, and,
 * for reading work, the engine handed over to a chat that comes in between. A row's result does not depend on
 * the chunking (design section 3), so chunks may have any size and a chunk may be aborted and repeated.
 */
import { AppError } from '../../shared/errors.ts';
import type { Priority } from './engine.ts';
import type { LiveState } from './live-states.ts';
import { interrupted, type Turn } from './queue.ts';
import type { Runtime } from './runtime.ts';

export interface AppendOptions {
  readonly priority: Priority;
  readonly turn: Turn;
  readonly signal?: AbortSignal | undefined;
  /** 'last': the state keeps the last position's logits; 'all': every row goes through `onLogits` */
  readonly logits: 'last' | 'all';
  readonly onProgress?: ((done: number) => void) | undefined;
  /** logits f32 [rows][vocabulary] of the rows from `first` (index into ids); the view is valid during the call */
  readonly onLogits?: ((first: number, logits: Float32Array) => Promise<void> | void) | undefined;
}

/** Rows of a reading chunk while a chat waits or is near (design section 2). */
const READING_ROWS_NEAR_CHAT = 128;
/** A chat waits for at most the end of a layer, so a layer of a reading chunk may take this long. */
const LAYER_LIMIT_MS = 75;
/** A reading chunk that ends within this time is completed rather than repeated later. */
const WORTH_FINISHING_MS = 40;
/** Between layers the event loop (cancel, new requests) gets its turn this often. */
const BREATHE_MS = 5;
/** Memory for the logits of one 'all' chunk. */
const ALL_LOGITS_BYTES = 32 * 1024 * 1024;

export class TokenAppender {
  readonly #runtime: Runtime;
  readonly #maxRows: number;
  #msPerRow: number | null = null;
  #breathedAt = 0;

  /** @param maxRows rows of the largest chunk, at most the runtime's */
  constructor(runtime: Runtime, maxRows: number) {
    this.#runtime = runtime;
    this.#maxRows = maxRows;
  }

  /**
   * Appends ids to the state. After an error or a cancel the state holds the chunks that were completed.
   * @throws AppError 'interrupted' when the signal fires, 'invalid-input' for an id outside the vocabulary
   */
  async append(state: LiveState, ids: Int32Array, options: AppendOptions): Promise<void> {
    this.#checkIds(ids);
    let done = 0;
    while (done < ids.length) {
      if (options.signal?.aborted === true) throw interrupted();
      await options.turn.yieldToChat();
      const rows = Math.min(this.#chunkRows(options), ids.length - done);
      const isLast = done + rows === ids.length;
      const chunk = ids.subarray(done, done + rows);
      const logits = await this.#forward(state, chunk, options, isLast);
      if (logits === 'preempted') continue;
      keepLastLogits(state, logits, this.#runtime.hyperparameters.vocabulary);
      if (options.logits === 'all') await options.onLogits?.(done, logits);
      done += rows;
      options.onProgress?.(done);
    }
  }

  /**
   * Appends, in one chunk, an id and guesses of the next ones: what `accept` keeps of them (`ForwardOptions.accept`).
   * The state keeps the logits of the last kept one.
   */
  async appendDrafted(
    state: LiveState,
    ids: Int32Array,
    accept: (logits: Float32Array) => number,
    how: Pick<AppendOptions, 'priority' | 'turn' | 'signal'>,
  ): Promise<void> {
    this.#checkIds(ids);
    for (;;) {
      if (how.signal?.aborted === true) throw interrupted();
      await how.turn.yieldToChat();
      const logits = await this.#forward(state, ids, { ...how, logits: 'all' }, true, accept);
      if (logits === 'preempted') continue;
      state.logits = logits;
      return;
    }
  }

  async #forward(
    state: LiveState,
    chunk: Int32Array,
    options: AppendOptions,
    isLast: boolean,
    accept?: (logits: Float32Array) => number,
  ): Promise<Float32Array | 'preempted'> {
    const preempt = options.priority === 'reading' ? new AbortController() : null;
    const signal = anyOf(preempt?.signal, options.signal);
    const started = performance.now();
    const before = state.cache.position;
    const want = options.logits === 'all' ? 'all' : isLast ? 'last' : 'none';
    try {
      const logits = await this.#runtime.forward(state.cache, chunk, {
        logits: want,
        ...(signal === undefined ? {} : { signal }),
        ...(accept === undefined ? {} : { accept }),
        betweenLayers: this.#betweenLayers(options, started, preempt),
      });
      state.history.append(chunk.subarray(0, state.cache.position - before));
      this.#measure(chunk.length, performance.now() - started);
      return logits;
    } catch (error) {
      if (preempt?.signal.aborted === true && options.signal?.aborted !== true && isInterrupted(error))
        return 'preempted';
      throw error;
    }
  }

  #betweenLayers(
    options: AppendOptions,
    started: number,
    preempt: AbortController | null,
  ): () => Promise<void> {
    const layers = this.#runtime.hyperparameters.layers;
    let layersDone = 0;
    return async () => {
      layersDone++;
      await this.#breathe();
      if (preempt === null || !options.turn.chatWaiting) return;
      const perLayer = (performance.now() - started) / layersDone;
      if (perLayer * (layers - layersDone) > WORTH_FINISHING_MS) preempt.abort();
    };
  }

  async #breathe(): Promise<void> {
    if (performance.now() - this.#breathedAt < BREATHE_MS) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.#breathedAt = performance.now();
  }

  #chunkRows({ priority, turn, logits }: AppendOptions): number {
    const { hyperparameters } = this.#runtime;
    let rows = this.#maxRows;
    if (logits === 'all')
      rows = Math.min(rows, Math.floor(ALL_LOGITS_BYTES / 4 / hyperparameters.vocabulary));
    if (priority === 'reading') {
      if (turn.chatNear || this.#msPerRow === null) rows = Math.min(rows, READING_ROWS_NEAR_CHAT);
      const layerMsPerRow = (this.#msPerRow ?? 0) / hyperparameters.layers;
      // Never below the rows near a chat: small chunks cost more per row, so that a limit that follows the measured
      // cost alone would shrink them further and further on a busy machine (seen: 28 rows, at half the speed).
      const affordable = Math.floor(LAYER_LIMIT_MS / layerMsPerRow);
      if (layerMsPerRow > 0) rows = Math.min(rows, Math.max(READING_ROWS_NEAR_CHAT, affordable));
    }
    return Math.max(1, rows);
  }

  /** Exponential mean of ms per row, from chunks large enough to tell. */
  #measure(rows: number, ms: number): void {
    if (rows < 16 && this.#msPerRow !== null) return;
    const perRow = ms / rows;
    this.#msPerRow = this.#msPerRow === null ? perRow : 0.7 * this.#msPerRow + 0.3 * perRow;
  }

  #checkIds(ids: Int32Array): void {
    const { vocabulary } = this.#runtime.hyperparameters;
    const index = ids.findIndex((id) => id < 0 || id >= vocabulary);
    if (index >= 0)
      throw new AppError(
        'invalid-input',
        `Token ${index} has the id ${ids[index]}, but the vocabulary ends at ${vocabulary - 1}.`,
        'Tokenize the text with this model.',
      );
  }
}

function anyOf(a: AbortSignal | undefined, b: AbortSignal | undefined): AbortSignal | undefined {
  return a === undefined || b === undefined ? (a ?? b) : AbortSignal.any([a, b]);
}

function keepLastLogits(state: LiveState, logits: Float32Array, vocabulary: number): void {
  const last = logits.length > vocabulary ? logits.slice(logits.length - vocabulary) : logits;
  state.logits = last.length === 0 ? null : last;
}

function isInterrupted(error: unknown): boolean {
  return error instanceof AppError && error.code === 'interrupted';
}
