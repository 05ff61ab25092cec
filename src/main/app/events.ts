/**
 * What changes in the app, told to everyone who listens: the window, a page, another terminal. Each listener has a
 * queue of its own, in which what is out of date is replaced, so that a slow one costs neither memory nor time.
 */
import { joinEvents, type AppEvent } from '../../shared/rpc/index.ts';
import type { Emit } from './event-stream.ts';

/** Notes are all told; beyond so many, those of a listener that does not read are dropped, the oldest first. */
const LONGEST_QUEUE = 500;

interface Listener {
  readonly waiting: AppEvent[];
  wake: () => void;
}

export class AppEvents {
  readonly #listeners = new Set<Listener>();
  /** notes of a time when nobody listened: for the first who does */
  #untold: AppEvent[] = [];

  /** whether anybody would hear of something now */
  get isHeard(): boolean {
    return this.#listeners.size > 0;
  }

  readonly emit: Emit<AppEvent> = (event) => {
    if (event.kind === 'note' && this.#listeners.size === 0) enqueue(this.#untold, event);
    for (const listener of this.#listeners) {
      enqueue(listener.waiting, event);
      listener.wake();
    }
  };

  /**
   * First how things stand, then what changes, until `signal` fires.
   * @param now is asked once this listens: nothing that happens meanwhile is missed
   */
  async *listen(
    now: () => Promise<readonly AppEvent[]>,
    signal: AbortSignal,
  ): AsyncGenerator<AppEvent, void, undefined> {
    const listener: Listener = { waiting: this.#untold, wake: () => undefined };
    this.#untold = [];
    const wake = (): void => listener.wake();
    signal.addEventListener('abort', wake);
    this.#listeners.add(listener);
    try {
      yield* await now();
      while (!signal.aborted) {
        const event = listener.waiting.shift();
        if (event !== undefined) yield event;
        else await new Promise<void>((resolve) => (listener.wake = resolve));
      }
    } finally {
      this.#listeners.delete(listener);
      signal.removeEventListener('abort', wake);
    }
  }
}

/** Takes the place of the last event about the same thing, where that has nothing more to say. */
function enqueue(waiting: AppEvent[], event: AppEvent): void {
  const at = waiting.findLastIndex((earlier) => subject(earlier) === subject(event));
  const earlier = waiting[at];
  if (earlier !== undefined && joinEvents(earlier, event) !== null) waiting[at] = event;
  else waiting.push(event);
  if (waiting.length > LONGEST_QUEUE) waiting.shift();
}

function subject(event: AppEvent): string {
  if (event.kind === 'job') return `job ${event.job.name}`;
  if (event.kind === 'changed') return `changed ${event.name}`;
  return event.kind === 'libraries' ? `libraries ${event.name ?? ''}` : event.kind;
}
