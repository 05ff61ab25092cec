/**
 * A device in a process of its own: identical cards can only be told apart by a process's environment
 * (identical-cards.ts). When the process ends, every open and later call fails with 'engine-lost'.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { AppError, fromWire } from '../../../../shared/errors.ts';
import type { AttentionPlan } from '../../plan/types.ts';
import { lastWordsIn } from '../driver-watch.ts';
import type { Bytes, RoundRequest } from './gpu-round.ts';
import type { Given } from './outbox.ts';
import type { RemoteReply, RemoteRequest, RemoteStart } from './remote-protocol.ts';
import type { CacheId, Shard, ShardInfo, ShardMethod } from './shard.ts';

/** A closing process that does not answer is killed after this time. */
const CLOSE_LIMIT_MS = 5000;
/** Characters of the process's stderr that are kept for the error message. */
const STDERR_TAIL = 4000;

interface PendingCall {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: AppError) => void;
}

export class RemoteShard implements Shard {
  readonly #device: string;
  readonly #child: ChildProcess;
  readonly #ready = Promise.withResolvers<ShardInfo>();
  readonly #exited = Promise.withResolvers<undefined>();
  readonly #calls = new Map<number, PendingCall>();
  #info: ShardInfo | null = null;
  #ended: AppError | null = null;
  #nextId = 1;
  #stderr = '';

  private constructor(start: RemoteStart, environment: NodeJS.ProcessEnv) {
    this.#device = start.device;
    this.#child = fork(fileURLToPath(new URL('./process.ts', import.meta.url)), [JSON.stringify(start)], {
      serialization: 'advanced',
      execArgv: [],
      env: environment,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_TAIL);
    });
    this.#child.on('message', (message) => {
      this.#receive(message as RemoteReply);
    });
    this.#child.on('error', (error) => {
      this.#end(error.message);
    });
    this.#child.on('close', (code, signal) => {
      this.#end(signal ?? `exit code ${String(code)}`);
    });
  }

  /**
   * Starts the process and resolves when its device has loaded the model.
   * @param environment that no other device has been chosen in
   * @throws AppError as `openTested`, or 'engine-lost' when the process dies meanwhile
   */
  static async open(start: RemoteStart, environment: NodeJS.ProcessEnv): Promise<RemoteShard> {
    const shard = new RemoteShard(start, environment);
    shard.#info = await shard.#ready.promise;
    return shard;
  }

  get info(): ShardInfo {
    if (this.#info !== null) return this.#info;
    throw new AppError('internal', 'A device was used before its process was ready.');
  }

  /** Of its process. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  createCache(cache: CacheId, plan: AttentionPlan): Promise<void> {
    return this.#call('createCache', cache, plan);
  }

  writeSnapshot(cache: CacheId, offset: number, bytes: Bytes): Promise<void> {
    return this.#call('writeSnapshot', cache, offset, bytes);
  }

  finishRestore(cache: CacheId, position: number): Promise<void> {
    return this.#call('finishRestore', cache, position);
  }

  forward(cache: CacheId, ids: Int32Array): Promise<void> {
    return this.#call('forward', cache, ids);
  }

  beginRound(cache: CacheId, request: RoundRequest): Promise<Given> {
    return this.#call('beginRound', cache, request);
  }

  nextLayer(cache: CacheId, others: readonly Given[]): Promise<Given> {
    return this.#call('nextLayer', cache, others);
  }

  endRound(cache: CacheId, others: readonly Given[], wanted: number): Promise<Float32Array> {
    return this.#call('endRound', cache, others, wanted);
  }

  commit(cache: CacheId, rows: number): Promise<void> {
    return this.#call('commit', cache, rows);
  }

  undo(cache: CacheId): Promise<void> {
    return this.#call('undo', cache);
  }

  release(cache: CacheId): Promise<void> {
    return this.#call('release', cache);
  }

  /** Ends the process. Closing twice is harmless. */
  async close(): Promise<void> {
    if (this.#ended === null) {
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), CLOSE_LIMIT_MS);
      // an error (the process died meanwhile) leaves nothing to close
      await this.#call<undefined>('close').catch(() => undefined);
      await this.#exited.promise;
      clearTimeout(timer);
    }
    await this.#exited.promise;
  }

  #call<T>(method: ShardMethod, ...parameters: unknown[]): Promise<T> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#calls.set(id, { resolve, reject });
    const request: RemoteRequest = { id, method, parameters };
    // A process that can't be reached any more has ended or is about to: `#end` rejects the call.
    if (this.#child.connected) this.#child.send(request, () => undefined);
    // The other end answers by the same interface.
    return promise as Promise<T>;
  }

  #receive(reply: RemoteReply): void {
    switch (reply.type) {
      case 'ready':
        this.#ready.resolve(reply.info);
        return;
      case 'failed':
        this.#ready.reject(fromWire(reply.error));
        return;
      case 'ok':
        this.#calls.get(reply.id)?.resolve(reply.value);
        break;
      case 'err':
        this.#calls.get(reply.id)?.reject(fromWire(reply.error));
    }
    this.#calls.delete(reply.id);
  }

  #end(how: string): void {
    if (this.#ended !== null) return;
    const ended = new AppError(
      'engine-lost',
      `The process of the device "${this.#device}" ended unexpectedly (${lastWordsIn(this.#stderr) ?? how}).`,
      'Nothing that was saved is lost. Ask again; if it happens again, leave this device out.',
      { details: { how, stderr: this.#stderr } },
    );
    this.#ended = ended;
    for (const call of this.#calls.values()) call.reject(ended);
    this.#calls.clear();
    this.#ready.reject(ended); // Nothing happens when it was ready, or has said why it was not.
    this.#exited.resolve(undefined);
  }
}
