/**
 * One engine, many wishes. One work has the engine at a time; chat goes before reading, first come first served
 * within. Reading work gives the engine back between its chunks when a chat waits, and gets it back before any
 * reading that came later.
 */
import { AppError } from '../../shared/errors.ts';
import type { Priority } from './engine.ts';

/** What a running work knows about the others. */
export interface Turn {
  /** a chat waits for the engine now */
  readonly chatWaiting: boolean;
  /** a chat waits or had the engine within the last CHAT_RECENT_MS: the next request is probably near */
  readonly chatNear: boolean;
  /**
   * For reading work: lets every waiting chat go first. Resolves when this work has the engine again.
   * @throws AppError 'interrupted' when the signal fires meanwhile
   */
  yieldToChat(): Promise<void>;
}

export interface QueueOptions {
  readonly signal?: AbortSignal | undefined;
  /** place in the queue, reported on every change; 0 = has the engine */
  readonly onPlace?: ((place: number) => void) | undefined;
}

interface Work extends QueueOptions {
  readonly priority: Priority;
  place: number;
  start: () => void;
}

/** An answer's requests (open, prefill, generate) follow one another within this time. */
const CHAT_RECENT_MS = 1000;

export class WorkQueue {
  readonly #limit: number;
  readonly #waiting: Record<Priority, Work[]> = { chat: [], reading: [] };
  #running: Work | null = null;
  #chatEndedAt = -Infinity;

  /** @param limit works that may wait at once; one more is refused with 'busy' */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Runs `task` when its turn has come.
   * @throws AppError 'busy' when the queue is full, 'interrupted' when the signal fires before the turn
   */
  async run<T>(
    priority: Priority,
    task: (turn: Turn) => Promise<T> | T,
    options: QueueOptions = {},
  ): Promise<T> {
    const { chat, reading } = this.#waiting;
    if (chat.length + reading.length >= this.#limit)
      throw new AppError(
        'busy',
        `The engine has ${this.#limit} requests waiting.`,
        'Wait for an answer to finish, or stop one.',
        { details: { limit: this.#limit } },
      );
    const work: Work = { ...options, priority, place: -1, start: () => undefined };
    await this.#acquire(work, 'back');
    try {
      return await task(this.#turnOf(work));
    } finally {
      if (this.#running === work) this.#release();
    }
  }

  /** Resolves when nothing runs or waits. */
  async idle(): Promise<void> {
    while (this.#running !== null) await new Promise((resolve) => setImmediate(resolve));
  }

  #turnOf(work: Work): Turn {
    const chatWaiting = (): boolean => this.#waiting.chat.length > 0;
    const chatNear = (): boolean => chatWaiting() || performance.now() - this.#chatEndedAt < CHAT_RECENT_MS;
    return {
      get chatWaiting() {
        return chatWaiting();
      },
      get chatNear() {
        return chatNear();
      },
      yieldToChat: async () => {
        if (work.priority === 'chat' || !chatWaiting()) return;
        const again = this.#acquire(work, 'front');
        this.#release();
        await again;
      },
    };
  }

  async #acquire(work: Work, end: 'front' | 'back'): Promise<void> {
    if (work.signal?.aborted === true) throw interrupted();
    if (this.#running === null) {
      this.#start(work);
      return;
    }
    const line = this.#waiting[work.priority];
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const onAbort = (): void => {
      line.splice(line.indexOf(work), 1);
      this.#reportPlaces();
      reject(interrupted());
    };
    work.start = () => {
      work.signal?.removeEventListener('abort', onAbort);
      resolve(undefined);
    };
    work.signal?.addEventListener('abort', onAbort, { once: true });
    if (end === 'front') line.unshift(work);
    else line.push(work);
    this.#reportPlaces();
    await promise;
  }

  #release(): void {
    if (this.#running?.priority === 'chat') this.#chatEndedAt = performance.now();
    this.#running = null;
    const next = this.#waiting.chat.shift() ?? this.#waiting.reading.shift();
    if (next === undefined) return;
    this.#start(next);
    this.#reportPlaces();
  }

  #start(work: Work): void {
    this.#running = work;
    report(work, 0);
    work.start();
  }

  #reportPlaces(): void {
    [...this.#waiting.chat, ...this.#waiting.reading].forEach((work, index) => report(work, index + 1));
  }
}

function report(work: Work, place: number): void {
  if (work.place === place) return;
  work.place = place;
  work.onPlace?.(place);
}

export function interrupted(): AppError {
  return new AppError('interrupted', 'The work was cancelled.');
}
