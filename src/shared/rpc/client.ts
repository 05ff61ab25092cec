/** Calls use cases over a port. The types follow from the contract; the other end validates the arguments. */
import { AppError, fromWire, toWire } from '../errors.ts';
import type { ArgsInput, Item, Result, StreamMethod, UnaryMethod } from './contract.ts';
import type { Frame, Port } from './protocol.ts';

/** Items that may be under way to a reader, and how many it takes before it grants as many again. */
const CREDIT = 64;
const CREDIT_STEP = 32;

export interface Client {
  /** @throws AppError as thrown by the handler; 'engine-lost' when the connection ends before the answer */
  call<M extends UnaryMethod>(method: M, args: ArgsInput<M>, signal?: AbortSignal): Promise<Result<M>>;
  /**
   * When `signal` fires the other end is told, and what it still has to say arrives (a stopped answer ends with
   * `done`). Leaving the loop early cancels as well.
   */
  stream<M extends StreamMethod>(method: M, args: ArgsInput<M>, signal?: AbortSignal): AsyncIterable<Item<M>>;
  close(): void;
}

type ServerFrame = Extract<Frame, { kind: 'ok' | 'item' | 'end' | 'err' }>;

export function createClient(port: Port): Client {
  const listeners = new Map<number, (frame: ServerFrame) => void>();
  let nextId = 1;
  /** no new call will be begun at the other end */
  let leaving = false;

  port.onFrame((frame) => {
    if (frame.kind === 'bye') {
      leaving = true;
      for (const [id, listener] of listeners)
        if (!frame.running.includes(id)) listener(failed(id, notBegun()));
    } else if (frame.kind === 'ok' || frame.kind === 'item' || frame.kind === 'end' || frame.kind === 'err')
      listeners.get(frame.id)?.(frame);
  });
  port.onClose(() => {
    leaving = true;
    for (const [id, listener] of listeners) listener(failed(id, lost()));
  });

  /** Sends the call; frames for it go to `listener` until it has ended. Returns how to leave. */
  const begin = (
    method: string,
    args: unknown,
    signal: AbortSignal | undefined,
    listener: (frame: ServerFrame) => void,
  ) => {
    const id = nextId++;
    const cancel = () => port.post({ kind: 'cancel', id });
    const leave = () => {
      signal?.removeEventListener('abort', cancel);
      listeners.delete(id);
    };
    listeners.set(id, (frame) => {
      if (frame.kind !== 'item') leave();
      listener(frame);
    });
    if (leaving) listeners.get(id)?.(failed(id, notBegun()));
    else {
      port.post({ kind: 'call', id, method, args, credit: CREDIT });
      if (signal?.aborted) cancel();
      else signal?.addEventListener('abort', cancel, { once: true });
    }
    return { cancel, leave, grant: (count: number) => port.post({ kind: 'credit', id, count }) };
  };

  return {
    call: (method, args, signal) =>
      new Promise((resolve, reject) => {
        begin(method, args, signal, (frame) => {
          // The server's handler has the result type; it is checked by the contract tests, not on every call.
          if (frame.kind === 'ok') resolve(frame.value as Result<typeof method>);
          else if (frame.kind === 'err') reject(fromWire(frame.error));
        });
      }),
    stream: <M extends StreamMethod>(method: M, args: ArgsInput<M>, signal?: AbortSignal) =>
      iterate<Item<M>>((listener) => begin(method, args, signal, listener)),
    close: () => port.close(),
  };
}

interface Subscription {
  cancel(): void;
  leave(): void;
  grant(count: number): void;
}

/** Frames of one stream as an iterator: what has arrived is kept until it is asked for; each step grants credit. */
async function* iterate<T>(
  begin: (listener: (frame: ServerFrame) => void) => Subscription,
): AsyncGenerator<T> {
  const arrived: ServerFrame[] = [];
  let wake: (() => void) | null = null;
  const call = begin((frame) => {
    arrived.push(frame);
    wake?.();
  });
  let taken = 0;
  let ended = false;
  try {
    for (;;) {
      const frame = arrived.shift();
      if (frame === undefined) {
        await new Promise<void>((resolve) => (wake = resolve));
        continue;
      }
      if (frame.kind !== 'item') {
        ended = true;
        if (frame.kind === 'err') throw fromWire(frame.error);
        return;
      }
      taken += 1;
      if (taken % CREDIT_STEP === 0) call.grant(CREDIT_STEP);
      yield frame.value as T;
    }
  } finally {
    if (!ended) {
      // what is still on its way is dropped; without credit for it the other end would wait for ever
      call.cancel();
      call.grant(1_000_000);
    }
    call.leave();
  }
}

function failed(id: number, error: AppError): ServerFrame {
  return { kind: 'err', id, error: toWire(error) };
}

function lost(): AppError {
  return new AppError(
    'engine-lost',
    'The process that owns the data folder has ended while it was working for this command.',
    'Run the command again.',
  );
}

function notBegun(): AppError {
  return new AppError('busy', 'The process that owns the data folder is leaving.', 'Run the command again.', {
    details: { begun: false },
  });
}

/** True for a call that the other end has certainly not begun: it may be made again elsewhere. */
export function wasNotBegun(error: unknown): boolean {
  return error instanceof AppError && error.details?.['begun'] === false;
}
