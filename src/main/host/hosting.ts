/**
 * The use cases for pages: a server or the desktop app's core gives each page a port, and ends without losing
 * what is being written. Whether this process owns the data folder or works through its owner is the session's
 * business.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../shared/errors.ts';
import { contract, serve } from '../../shared/rpc/index.ts';
import type {
  AppEvent,
  CallContext,
  Handlers,
  Port,
  Serving,
  StreamMethod,
  UnaryMethod,
} from '../../shared/rpc/index.ts';
import type { Session } from './session.ts';

/** ms that running calls get to save what they have, once they have been told to stop */
const SAVE_WITHIN_MS = 4_000;
/** ms between two owners: the last one is just leaving */
const OWNER_CHANGE_MS = 200;

export interface Hosting {
  /** serves a page until its port closes */
  attach(port: Port): void;
  /** pages that are connected */
  readonly pages: number;
  /** stops what runs (answers keep what was written, reading its last checkpoint), then gives the folder up */
  end(): Promise<void>;
}

export function hostPages(session: Session): Hosting {
  const handlers = sessionHandlers(session);
  const servings = new Set<Serving>();
  return {
    attach: (port) => {
      const serving: Serving = serve(
        watched(port, () => servings.delete(serving)),
        handlers,
      );
      servings.add(serving);
    },
    get pages() {
      return servings.size;
    },
    end: async () => {
      const left = [...servings];
      for (const serving of left) serving.close();
      const deadline = performance.now() + SAVE_WITHIN_MS;
      while (left.some((serving) => serving.running > 0) && performance.now() < deadline) await sleep(10);
      await session.end();
    },
  };
}

/** The same port; `onEnd` is called when it closes. */
function watched(port: Port, onEnd: () => void): Port {
  return {
    post: (frame) => port.post(frame),
    onFrame: (listener) => port.onFrame(listener),
    onClose: (listener) =>
      port.onClose(() => {
        onEnd();
        listener();
      }),
    close: () => port.close(),
  };
}

/** Handlers that pass each call on to the session, in this process or another. */
export function sessionHandlers(session: Session): Handlers {
  const entries = Object.entries(contract).map(([method, { kind }]) => {
    if (kind === 'unary') {
      const call = (args: object, { signal }: CallContext) =>
        session.call(method as UnaryMethod, args as never, signal);
      return [method, call] as const;
    }
    if (method === 'app.events')
      return [method, (_: object, { signal }: CallContext) => follow(session, signal)];
    const stream = (args: object, { signal }: CallContext) =>
      session.stream(method as StreamMethod, args as never, signal);
    return [method, stream] as const;
  });
  // One entry per method of the contract, of that method's kind; TypeScript cannot follow that through entries.
  return Object.fromEntries(entries) as unknown as Handlers;
}

/** What changes, also when the data folder changes hands: the next owner's events follow on the last one's. */
async function* follow(session: Session, signal: AbortSignal): AsyncIterable<AppEvent> {
  while (!signal.aborted) {
    try {
      yield* session.stream('app.events', {}, signal);
    } catch (error) {
      if (!(error instanceof AppError) || !['engine-lost', 'interrupted'].includes(error.code)) throw error;
    }
    await sleep(OWNER_CHANGE_MS, undefined, { signal }).catch(() => {});
  }
}
