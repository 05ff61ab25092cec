import { join } from './join.ts';

/** Entries that may wait for credit before the producer is held back; joined texts count as one. */
const LONGEST_QUEUE = 256;

/**
 * Items of one stream on their way out. While there is no credit, neighbours that say the same thing are joined
 * (texts appended, progress replaced), so that what waits stays small and an answer is never slowed down by
 * the one who watches it.
 */
export class OutgoingItems {
  readonly #send: (item: unknown) => void;
  readonly #queue: unknown[] = [];
  #credit: number;
  #discarded = false;
  #waiting: { readonly until: number; readonly resume: () => void }[] = [];

  constructor(credit: number, send: (item: unknown) => void) {
    this.#credit = credit;
    this.#send = send;
  }

  /** Resolves when the producer may go on. */
  push(item: unknown): Promise<void> {
    if (this.#discarded) return Promise.resolve();
    const last = this.#queue.at(-1);
    const joined = last === undefined ? null : join(last, item);
    if (joined === null) this.#queue.push(item);
    else this.#queue[this.#queue.length - 1] = joined;
    this.#flush();
    return this.#until(LONGEST_QUEUE);
  }

  /** Resolves when everything has been sent. */
  drained(): Promise<void> {
    return this.#until(0);
  }

  grant(count: number): void {
    this.#credit += count;
    this.#flush();
  }

  /** The reader is gone: nobody waits for it any more. */
  discard(): void {
    this.#discarded = true;
    this.#queue.length = 0;
    this.#flush();
  }

  #until(length: number): Promise<void> {
    if (this.#queue.length <= length) return Promise.resolve();
    return new Promise((resume) => this.#waiting.push({ until: length, resume }));
  }

  #flush(): void {
    while (this.#credit > 0 && this.#queue.length > 0) {
      this.#credit -= 1;
      this.#send(this.#queue.shift());
    }
    const ready = this.#waiting.filter(({ until }) => this.#queue.length <= until);
    this.#waiting = this.#waiting.filter(({ until }) => this.#queue.length > until);
    for (const { resume } of ready) resume();
  }
}
