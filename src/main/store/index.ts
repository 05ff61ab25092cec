import { Worker } from 'node:worker_threads';

import { AppError, fromWire } from '../../shared/errors.ts';
import { BackupRunner } from './backup-runner.ts';
import type { FolderLock } from './lock.ts';
import type { Call, Reply, WorkerOptions } from './protocol.ts';
import type { Aside, SyncStore } from './sync-store.ts';
import type { Store } from './types.ts';

export type { FolderLock } from './lock.ts';
export type * from './types.ts';
export type { OutlineUnit } from './views.ts';

/**
 * Opens (or creates) longleaf.db in a worker thread.
 *
 * Calls run in the order in which they are made; those that wait together share a commit, so that many small
 * writes go faster when they are not awaited one by one.
 *
 * @param options.dataFolder absolute; created when it is not there
 * @param options.onNote told that a backup was put back, or why not
 * @throws AppError 'corrupt' (names the newest backup), 'unsupported' (a foreign or a newer database), 'busy',
 *   'disk-full'
 */
export async function openStore(options: {
  dataFolder: string;
  onNote?: ((note: string) => void) | undefined;
}): Promise<Store> {
  const { dataFolder, onNote } = options;
  const workerData: WorkerOptions = { dataFolder };
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData });
  const client = new StoreClient(worker, new BackupRunner(dataFolder), onNote);
  try {
    return await client.ready;
  } catch (error) {
    await worker.terminate();
    throw error;
  }
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: AppError) => void;
}

class StoreClient {
  readonly ready: Promise<Store>;
  readonly #worker: Worker;
  readonly #backups: BackupRunner;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #closing: Promise<unknown> | undefined;
  #ended: AppError | undefined;

  constructor(worker: Worker, backups: BackupRunner, onNote?: (note: string) => void) {
    this.#worker = worker;
    this.#backups = backups;
    const { promise, resolve, reject } = Promise.withResolvers<Store>();
    this.ready = promise;
    worker.on('message', (reply: Reply) => {
      if (reply.kind === 'ready') {
        if (reply.note !== null) onNote?.(reply.note);
        resolve(this.#view(reply.methods));
      } else if (reply.kind === 'failed') reject(fromWire(reply.error));
      else this.#settle(reply);
    });
    const end = (error: AppError): void => {
      this.#ended ??= error;
      reject(error);
      for (const waiting of this.#waiting.values()) waiting.reject(error);
      this.#waiting.clear();
    };
    worker.on('error', (error) =>
      end(new AppError('internal', `The store's thread failed: ${String(error)}`)),
    );
    worker.on('exit', () => end(new AppError('interrupted', 'The store is closed.')));
  }

  #settle(reply: Extract<Reply, { id: number }>): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (reply.kind === 'value') waiting?.resolve(reply.value);
    else waiting?.reject(fromWire(reply.error));
  }

  /** The worker names the methods of its `SyncStore`, which the compiler has checked to be those of `Store`. */
  #view(methods: readonly (keyof SyncStore)[]): Store {
    const entries = methods.map((method) => [
      method,
      (...args: readonly unknown[]) => (method === 'close' ? this.#close() : this.#call(method, args)),
    ]);
    const aside: Pick<Store, Aside> = {
      backup: (why) => this.#backups.run({ kind: 'write', why }),
      restoreAtNextOpen: async (name) => void (await this.#backups.run({ kind: 'restore', name })),
    };
    return { ...(Object.fromEntries(entries) as Omit<Store, Aside>), ...aside };
  }

  #call(method: keyof SyncStore, args: readonly unknown[]): Promise<unknown> {
    if (this.#ended !== undefined || this.#closing !== undefined)
      return Promise.reject(this.#ended ?? new AppError('interrupted', 'The store is closed.'));
    return this.#post(method, args);
  }

  #post(method: keyof SyncStore, args: readonly unknown[]): Promise<unknown> {
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(id, { resolve, reject });
    const call: Call = { id, method, args };
    this.#worker.postMessage(call);
    return promise;
  }

  /** after all calls made before; a second call waits for the first */
  #close(): Promise<unknown> {
    this.#backups.close();
    this.#closing ??= this.#post('close', []).finally(() => this.#worker.terminate());
    return this.#closing;
  }
}

/**
 * The lock of a data folder, null when another process has it. SQLite is loaded only here: a process that works
 * through the owner of the folder does not need it.
 */
export async function tryLock(file: string): Promise<FolderLock | null> {
  const lock = await import('./lock.ts');
  return lock.tryLock(file);
}

/**
 * Version of the SQLite that is in use, for `doctor`.
 * @throws AppError 'unsupported' when it is too old to be trusted
 */
export async function sqliteVersion(): Promise<string> {
  const lock = await import('./lock.ts');
  return lock.sqliteVersion();
}
