import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { AppError, fromWire } from '../../shared/errors.ts';
import type { BackupReply, BackupTask } from './backup-task.ts';
import type { BackupFile } from './types.ts';

/** Starts the processes that make and check backups, one at a time. */
export class BackupRunner {
  readonly #dataFolder: string;
  #last: Promise<unknown> = Promise.resolve();
  #child: ChildProcess | null = null;
  #closed = false;

  constructor(dataFolder: string) {
    this.#dataFolder = dataFolder;
  }

  /** @throws AppError as the process says; 'interrupted' when the store is closed meanwhile */
  run(task: BackupTask['task']): Promise<BackupFile> {
    const done = this.#last.then(() => this.#start({ dataFolder: this.#dataFolder, task }));
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** What was not finished leaves a partial file, which the next backup removes. */
  close(): void {
    this.#closed = true;
    this.#child?.kill('SIGKILL');
  }

  #start(task: BackupTask): Promise<BackupFile> {
    if (this.#closed) return Promise.reject(closed());
    const { promise, resolve, reject } = Promise.withResolvers<BackupFile>();
    const child = fork(fileURLToPath(new URL('./backup-task.ts', import.meta.url)), [JSON.stringify(task)], {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#child = child;
    child.on('message', (message) => {
      const reply = message as BackupReply;
      if ('backup' in reply) resolve(reply.backup);
      else reject(fromWire(reply.error));
    });
    child.on('error', (error) => reject(new AppError('internal', `No backup was made: ${error.message}.`)));
    child.on('close', (code, signal) => {
      this.#child = null;
      const how = signal ?? `exit code ${String(code)}`;
      // nothing happens when it has said how it went
      reject(
        this.#closed ? closed() : new AppError('internal', `No backup was made: its process ended (${how}).`),
      );
    });
    return promise;
  }
}

function closed(): AppError {
  return new AppError('interrupted', 'The store is closed.');
}
