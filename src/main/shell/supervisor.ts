/**
 * Keeps one child process running: starts it again when it ends by itself, a little later each time, and gives up
 * when it ends again and again.
 */

/** Starts again after so many ms; one more end within the window, and it is given up. */
const DELAYS_MS = [200, 1_000];
const WINDOW_MS = 60_000;

export interface Supervised {
  /** resolves when the process has ended, with what is known of the reason */
  readonly ended: Promise<string>;
}

export interface SupervisorOptions<Child extends Supervised> {
  readonly start: () => Child;
  /** a child has been started: the first one, and every next one */
  readonly onStart: (child: Child) => void;
  /** it has ended by itself, and is about to be started again */
  readonly onLost: (reason: string) => void;
  /** it ended three times within a minute */
  readonly onGivenUp: (reason: string) => void;
  /** ms, from any beginning */
  readonly now?: () => number;
  readonly delay?: (ms: number, then: () => void) => void;
}

export class Supervisor<Child extends Supervised> {
  readonly #options: SupervisorOptions<Child>;
  #ends: number[] = [];
  #stopped = false;
  #child: Child | null = null;

  constructor(options: SupervisorOptions<Child>) {
    this.#options = options;
  }

  /** null while there is none: it has just ended, or was given up */
  get child(): Child | null {
    return this.#child;
  }

  /** Starts the child; after giving up, once more from the beginning. */
  start(): void {
    this.#ends = [];
    this.#stopped = false;
    this.#begin();
  }

  /** From now on an end is an end. */
  stop(): void {
    this.#stopped = true;
  }

  #begin(): void {
    if (this.#stopped) return;
    const child = this.#options.start();
    this.#child = child;
    this.#options.onStart(child);
    void child.ended.then((reason) => this.#ended(reason));
  }

  #ended(reason: string): void {
    this.#child = null;
    if (this.#stopped) return;
    const now = (this.#options.now ?? Date.now)();
    this.#ends = [...this.#ends.filter((end) => now - end < WINDOW_MS), now];
    const delay = DELAYS_MS[this.#ends.length - 1];
    if (delay === undefined) {
      this.#stopped = true;
      return this.#options.onGivenUp(reason);
    }
    this.#options.onLost(reason);
    (this.#options.delay ?? ((ms, then) => void setTimeout(then, ms)))(delay, () => this.#begin());
  }
}
