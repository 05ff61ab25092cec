/** One at a time per name: two commands on one library run one after the other. */
export class Locks {
  readonly #last = new Map<string, Promise<unknown>>();

  /** whether somebody has the name, or waits for it */
  isTaken(name: string): boolean {
    return this.#last.has(name);
  }

  /** whether anybody has any name, or waits for one */
  isAnyTaken(): boolean {
    return this.#last.size > 0;
  }

  /**
   * Waits for whoever has the name, then runs. A wait ends when `signal` fires; what runs is cancelled by its own
   * signal.
   */
  async run<T>(name: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name) ?? Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    // Whoever comes next waits for both: one that gave up waiting lets nobody pass the one that works.
    const mine = before.then(() => promise);
    this.#last.set(name, mine);
    void mine.then(() => {
      if (this.#last.get(name) === mine) this.#last.delete(name);
    });
    try {
      await untilAborted(before, signal);
      return await work();
    } finally {
      resolve(undefined);
    }
  }
}

/** Waits for `promise`, but no longer than until `signal` fires; then its reason is thrown. */
export async function untilAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<undefined>();
  const abort = (): void => aborted.resolve(undefined);
  signal.addEventListener('abort', abort, { once: true });
  try {
    await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
  signal.throwIfAborted();
}
