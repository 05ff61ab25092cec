/** Work that reports as it goes, as the async iterable that the RPC layer streams. */
export type Emit<Event> = (event: Event) => void;

/**
 * Runs `work` and yields what it emits. The iteration ends with the work, and fails as it fails. Whoever stops
 * iterating cancels the work, and waits for it to have stopped.
 * @param signal cancels from outside
 */
export async function* eventStream<Event>(
  work: (emit: Emit<Event>, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): AsyncGenerator<Event, void, undefined> {
  let waiting: Event[] = [];
  const stop = new AbortController();
  let wake = Promise.withResolvers<undefined>();
  let ended = false;
  const emit = (event: Event): void => {
    waiting.push(event);
    wake.resolve(undefined);
  };
  const finished = work(emit, AbortSignal.any([signal, stop.signal])).finally(() => {
    ended = true;
    wake.resolve(undefined);
  });
  // Looked at below; until then a failure must not count as unhandled.
  finished.catch(() => undefined);
  try {
    for (;;) {
      // all together: to shift each from the front of many would move the rest each time
      while (waiting.length > 0) {
        const taken = waiting;
        waiting = [];
        yield* taken;
      }
      if (ended) break;
      await wake.promise;
      wake = Promise.withResolvers<undefined>();
    }
    await finished;
  } finally {
    stop.abort();
    await finished.catch(() => undefined);
  }
}

/** Lets through the first call, then at most one per `intervalMs`; `flush` lets the last one through. */
export function throttled<Event>(emit: Emit<Event>, intervalMs: number): Emit<Event> & { flush: () => void } {
  let last = -Infinity;
  let held: { event: Event } | null = null;
  const through = (event: Event): void => {
    const now = performance.now();
    if (now - last < intervalMs) {
      held = { event };
      return;
    }
    last = now;
    held = null;
    emit(event);
  };
  const flush = (): void => {
    if (held !== null) emit(held.event);
    held = null;
  };
  return Object.assign(through, { flush });
}
