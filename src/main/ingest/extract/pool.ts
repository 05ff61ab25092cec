/**
 * Worker threads that read files, with a limit of heap and of time: a hostile file costs itself, never the app nor the
 * files beside it. Tasks travel several at a time, so that thousands of small files don't wait for the post.
 */
import { Worker } from 'node:worker_threads';

import { AppError, fromWire, toWire } from '../../../shared/errors.ts';
import type { FileToRead } from './document.ts';
import type { OnPiece } from '../types.ts';
import type { ExtractAnswer, Extracted, ExtractTask, PieceTaken, WorkerSetup } from './protocol.ts';

export interface PoolOptions {
  readonly workers: number;
  readonly heapMB: number;
  /** ms a file, or between two of its signs of life (a page, a message) */
  readonly timeLimit: number;
  readonly targetTokens: number;
}

interface Pending {
  readonly task: ExtractTask;
  readonly bytes: number;
  readonly resolve: (extracted: Extracted) => void;
  readonly reject: (error: AppError) => void;
  readonly onPiece: OnPiece | undefined;
  /** nobody waits for it any more */
  isGivenUp: boolean;
}

interface Member {
  readonly worker: Worker;
  readonly current: Int32Array<SharedArrayBuffer>;
  /** sent and not answered, in order */
  readonly sent: Pending[];
  /** the task and its signs of life seen at the last look, and since when */
  watched: { id: number; signs: number; since: number };
  /** why it was ended, if it was */
  verdict: AppError | null;
}

/** one message: at most so many files, and so many bytes (the first always goes) */
const batchFiles = 32;
const batchBytes = 1 << 20;
/** ms between two looks at the time that files take, at most */
const lookEvery = 250;
/** ms until a worker has begun its first task */
const startLimit = 60_000;

export class ExtractPool {
  readonly #options: PoolOptions;
  readonly #members = new Set<Member>();
  #queue: Pending[] = [];
  #nextId = 1;
  #watch: NodeJS.Timeout | undefined;
  #lookedAt = 0;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** @throws AppError: what the extractor says; 'invalid-input' beyond a limit; 'interrupted' by the signal */
  extract(
    { bytes, ...file }: FileToRead & { readonly bytes: number },
    signal?: AbortSignal,
    onPiece?: OnPiece,
  ): Promise<Extracted> {
    if (this.#closed || signal?.aborted === true) return Promise.reject(interrupted());
    const { promise, resolve, reject } = Promise.withResolvers<Extracted>();
    const task = { id: this.#nextId++, inPieces: onPiece !== undefined, ...file };
    const pending: Pending = { task, bytes, resolve, reject, onPiece, isGivenUp: false };
    const abort = (): void => {
      pending.isGivenUp = true;
      this.#queue = this.#queue.filter((other) => other !== pending);
      reject(interrupted());
    };
    signal?.addEventListener('abort', abort, { once: true });
    this.#queue.push(pending);
    // after the caller has queued what else it has: the first batch is then full, too
    if (this.#queue.length === 1) queueMicrotask(() => this.#dispatch());
    return promise.finally(() => signal?.removeEventListener('abort', abort));
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const pending of this.#queue) pending.reject(interrupted());
    this.#queue = [];
    for (const member of this.#members) member.verdict = interrupted();
    await Promise.all([...this.#members].map((member) => member.worker.terminate()));
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const idle = [...this.#members].find((member) => member.sent.length === 0);
      const member = idle ?? (this.#members.size < this.#options.workers ? this.#start() : null);
      if (member === null) return;
      this.#send(member);
    }
  }

  #send(member: Member): void {
    // an even share while little is left, so that no worker idles
    const share = Math.max(1, Math.ceil(this.#queue.length / this.#options.workers));
    let count = 0;
    let bytes = 0;
    while (count < Math.min(share, batchFiles, this.#queue.length)) {
      bytes += this.#queue[count]?.bytes ?? 0;
      if (count > 0 && bytes > batchBytes) break;
      count++;
    }
    const batch = this.#queue.splice(0, count);
    member.sent.push(...batch);
    member.watched = { id: 0, signs: 0, since: performance.now() };
    member.worker.ref();
    member.worker.postMessage(batch.map((pending) => pending.task));
    if (this.#watch !== undefined) return;
    this.#lookedAt = performance.now();
    this.#watch = setInterval(() => this.#lookAtTimes(), this.#lookEvery());
  }

  #start(): Member {
    const current = new Int32Array(new SharedArrayBuffer(8));
    const workerData: WorkerSetup = { current, targetTokens: this.#options.targetTokens };
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData,
      resourceLimits: { maxOldGenerationSizeMb: this.#options.heapMB, maxYoungGenerationSizeMb: 64 },
    });
    const member: Member = {
      worker,
      current,
      sent: [],
      watched: { id: 0, signs: 0, since: 0 },
      verdict: null,
    };
    worker.on('message', (answer: ExtractAnswer) => this.#settle(member, answer));
    worker.on('error', (error) => {
      member.verdict ??= this.#crashError(error);
    });
    worker.on('exit', () => this.#bury(member));
    this.#members.add(member);
    return member;
  }

  #settle(member: Member, answer: ExtractAnswer): void {
    if ('piece' in answer) return void this.#take(member, answer);
    const pending = member.sent.shift();
    if ('document' in answer) pending?.resolve({ document: answer.document, passages: answer.passages });
    else pending?.reject(fromWire(answer.error));
    if (member.sent.length > 0) return;
    // an idle pool keeps no process alive
    member.worker.unref();
    this.#dispatch();
    if ([...this.#members].every((other) => other.sent.length === 0)) this.#stopWatch();
  }

  /** A piece whose taking fails ends its file with that failure. */
  async #take(member: Member, { id, piece }: Extract<ExtractAnswer, { piece: unknown }>): Promise<void> {
    const [pending] = member.sent;
    let goOn = false;
    if (pending?.isGivenUp === false)
      try {
        goOn = (await pending.onPiece?.(piece)) ?? false;
      } catch (error) {
        pending.reject(fromWire(toWire(error)));
      }
    const taken: PieceTaken = { id, goOn };
    member.worker.postMessage(taken);
  }

  /** The file under way is blamed; those that came with it go on elsewhere. */
  #bury(member: Member): void {
    this.#members.delete(member);
    const verdict = member.verdict ?? this.#crashError(null);
    if (this.#closed) {
      for (const pending of member.sent) pending.reject(verdict);
      return this.#stopWatch();
    }
    // one is always blamed, the first if the worker came to none: a worker that can't start must not be tried for ever
    const blamed = underWay(member) ?? member.sent[0];
    blamed?.reject(verdict);
    this.#queue.unshift(...member.sent.filter((pending) => pending !== blamed));
    this.#dispatch();
  }

  #lookEvery(): number {
    return Math.min(lookEvery, this.#options.timeLimit / 4);
  }

  #lookAtTimes(): void {
    const now = performance.now();
    // a machine that slept, a process that was stopped: that time was no file's
    const missed = Math.max(0, now - this.#lookedAt - 2 * this.#lookEvery());
    this.#lookedAt = now;
    for (const member of this.#members) {
      member.watched.since += missed;
      const task = underWay(member)?.task;
      const id = task?.id ?? 0;
      // before its first task a worker is starting, which a busy machine can make slow
      const limit = task === undefined ? startLimit : this.#options.timeLimit;
      const signs = Atomics.load(member.current, 1);
      const moved = member.watched.id !== id || member.watched.signs !== signs;
      if (member.sent.length === 0 || moved) member.watched = { id, signs, since: now };
      else if (now - member.watched.since > limit && member.verdict === null) {
        member.verdict = this.#timeError();
        void member.worker.terminate();
      }
    }
  }

  #stopWatch(): void {
    clearInterval(this.#watch);
    this.#watch = undefined;
  }

  #timeError(): AppError {
    const seconds = (this.#options.timeLimit / 1000).toFixed(0);
    return new AppError('invalid-input', `Reading it took longer than the limit of ${seconds} s.`);
  }

  #crashError(error: unknown): AppError {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    if (code === 'ERR_WORKER_OUT_OF_MEMORY')
      return new AppError(
        'invalid-input',
        `Reading it needs more memory than the limit of ${String(this.#options.heapMB)} MB a file.`,
      );
    return new AppError('invalid-input', 'Reading it failed unexpectedly.', undefined, { cause: error });
  }
}

/** the task that its worker has begun and not answered */
function underWay(member: Member): Pending | undefined {
  const id = Atomics.load(member.current, 0);
  return member.sent.find((pending) => pending.task.id === id);
}

function interrupted(): AppError {
  return new AppError('interrupted', 'The work was cancelled.');
}
