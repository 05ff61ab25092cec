/** One at a time per name: two commands on one library run one after the other. */
export class Locks {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Waits for whoever has the name, then runs. A wait can be cancelled; what runs is cancelled by its own signal. */
  async run<T>(name: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name) ?? Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const mine = before.then(() => promise);
    this.#last.set(name, mine);
    try {
      await before;
      signal.throwIfAborted();
      return await work();
    } finally {
      resolve(undefined);
      if (this.#last.get(name) === mine) this.#last.delete(name);
    }
  }
}
