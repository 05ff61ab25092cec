/** Calls and replies over the channel to an engine process, and what becomes of the calls when it ends. */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { AppError, fromWire } from '../../shared/errors.ts';
import type { EngineInfo } from './engine.ts';
import { lastWordsIn } from './gpu/driver-watch.ts';
import type { Arguments, ItemOf, Method, Reply, Request, Results, StartOptions } from './protocol.ts';

export interface ConnectionEvents {
  readonly onNote?: ((note: string) => void) | undefined;
  /** told once, when the process ends without having been closed */
  readonly onExit?: ((error: AppError) => void) | undefined;
}

export interface CallOptions<M extends Method> {
  readonly signal?: AbortSignal | undefined;
  readonly onItem?: (item: ItemOf<M>) => void;
}

interface PendingCall {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: AppError) => void;
  readonly onItem: ((item: unknown) => void) | undefined;
}

/** A closing engine that does not answer is killed after this time. */
const CLOSE_LIMIT_MS = 5000;
/** Characters of the process's stderr that are kept for the error message. */
const STDERR_TAIL = 4000;

export class EngineConnection {
  /** resolves when the model is loaded; rejects with the process's own error, or 'engine-lost' */
  readonly ready: Promise<EngineInfo>;
  readonly #child: ChildProcess;
  readonly #events: ConnectionEvents;
  readonly #calls = new Map<number, PendingCall>();
  readonly #exited = Promise.withResolvers<undefined>();
  readonly #ready = Promise.withResolvers<EngineInfo>();
  #state: 'starting' | 'ready' | 'closing' | 'ended' = 'starting';
  #ending: AppError = new AppError('engine-lost', 'The engine was closed.', 'Start it again.');
  #nextId = 1;
  #stderr = '';

  constructor(start: StartOptions, events: ConnectionEvents) {
    this.#events = events;
    this.ready = this.#ready.promise;
    this.#child = fork(fileURLToPath(new URL('./process.ts', import.meta.url)), [JSON.stringify(start)], {
      serialization: 'advanced',
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_TAIL);
    });
    this.#child.on('message', (message) => this.#receive(message as Reply));
    // 'close' comes after the last byte of stderr; 'error' when the process could not be started or reached.
    this.#child.on('error', (error) => this.#ended(error.message));
    this.#child.on('close', (code, signal) => this.#ended(signal ?? `exit code ${code}`));
  }

  call<M extends Method>(
    method: M,
    given: Arguments[M],
    { signal, onItem }: CallOptions<M> = {},
  ): Promise<Results[M]> {
    if (this.#state === 'closing' || this.#state === 'ended') return Promise.reject(this.#ending);
    return this.#call(method, given, { signal, onItem: onItem as PendingCall['onItem'] }) as Promise<
      Results[M]
    >;
  }

  /** Cancels what runs, closes state.db and ends the process. Closing twice is harmless. */
  async close(): Promise<void> {
    if (this.#state !== 'closing' && this.#state !== 'ended') {
      this.#state = 'closing';
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), CLOSE_LIMIT_MS);
      // An error (the process died meanwhile) leaves nothing to close.
      await this.#call('close', {}, {}).catch(() => undefined);
      await this.#exited.promise;
      clearTimeout(timer);
    }
    await this.#exited.promise;
  }

  async #call(
    method: Method,
    given: unknown,
    { signal, onItem }: { signal?: AbortSignal | undefined; onItem?: PendingCall['onItem'] },
  ): Promise<unknown> {
    if (signal?.aborted === true) throw new AppError('interrupted', 'The work was cancelled.');
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const cancel = (): void => this.#send({ type: 'cancel', id });
    signal?.addEventListener('abort', cancel, { once: true });
    this.#calls.set(id, { resolve, reject, onItem });
    this.#send({ type: 'call', id, method, arguments: given });
    try {
      return await promise;
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  }

  #receive(reply: Reply): void {
    switch (reply.type) {
      case 'ready':
        this.#state = 'ready';
        this.#ready.resolve(reply.info);
        return;
      case 'failed':
        this.#ready.reject(fromWire(reply.error));
        return;
      case 'note':
        this.#events.onNote?.(reply.note);
        return;
      case 'item':
        this.#calls.get(reply.id)?.onItem?.(reply.value);
        return;
      case 'ok':
        this.#calls.get(reply.id)?.resolve(reply.value);
        break;
      case 'err':
        this.#calls.get(reply.id)?.reject(fromWire(reply.error));
    }
    this.#calls.delete(reply.id);
  }

  #ended(how: string): void {
    if (this.#state === 'ended') return;
    const before = this.#state;
    this.#state = 'ended';
    if (before !== 'closing') this.#ending = lost(how, this.#stderr);
    for (const call of this.#calls.values()) call.reject(this.#ending);
    this.#calls.clear();
    this.#ready.reject(this.#ending); // Nothing happens when the engine was ready, or has said why it was not.
    if (before === 'ready') this.#events.onExit?.(this.#ending);
    this.#exited.resolve(undefined);
  }

  /** A process that can't be reached any more has ended or is about to: `#ended` rejects the call. */
  #send(request: Request): void {
    if (this.#child.connected) this.#child.send(request, () => undefined);
  }
}

function lost(how: string, stderr: string): AppError {
  return new AppError(
    'engine-lost',
    `The engine process ended unexpectedly (${lastWordsIn(stderr) ?? how}).`,
    'Nothing that was saved is lost. Start again; if it happens again, run "longleaf doctor" or use --backend reference.',
    { details: { how, stderr } },
  );
}
