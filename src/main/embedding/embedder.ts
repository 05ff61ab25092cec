/** The sentence model in a thread of its own, started when it is needed. */
import { Worker } from 'node:worker_threads';
import { AppError, fromWire } from '../../shared/errors.ts';
import type { EmbedCall, EmbedderSetup, EmbedReply } from './protocol.ts';

interface Waiting {
  readonly resolve: (point: Float32Array) => void;
  readonly reject: (error: Error) => void;
}

/** ms without a text after which the thread ends: the model takes 200 MB of memory */
const IDLE_MS = 60_000;

export class Embedder {
  readonly #folder: string;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | null = null;
  #nextId = 1;
  #isClosed = false;
  #idle: NodeJS.Timeout | undefined;

  /** @param folder where the model's files are; not looked at before the first text */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * The point of a text: unit length, 384 numbers. Texts wait for those before them.
   * @throws AppError 'invalid-input' (the model is damaged or missing), 'interrupted' (closed)
   */
  embed(text: string): Promise<Float32Array> {
    if (this.#isClosed) return Promise.reject(closed());
    const { promise, resolve, reject } = Promise.withResolvers<Float32Array>();
    const call: EmbedCall = { id: this.#nextId++, text };
    this.#waiting.set(call.id, { resolve, reject });
    this.#worker ??= this.#start();
    this.#worker.ref();
    this.#worker.postMessage(call);
    return promise;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#idle);
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const workerData: EmbedderSetup = { folder: this.#folder };
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData });
    worker.on('message', (reply: EmbedReply) => {
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if ('point' in reply) waiting?.resolve(reply.point);
      else waiting?.reject(fromWire(reply.error));
      this.#rest(worker);
    });
    const end = (error: Error): void => {
      // one that was ended for resting has a successor by now, maybe
      if (this.#worker !== worker && !this.#isClosed) return;
      this.#worker = null;
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    };
    worker.on('error', (error) =>
      end(new AppError('internal', `The embedding thread failed: ${String(error)}`)),
    );
    worker.on('exit', () => end(closed()));
    return worker;
  }

  /** Whoever waits for an answer keeps the process, an idle thread does not; in the end it goes too. */
  #rest(worker: Worker): void {
    if (this.#waiting.size > 0) return;
    worker.unref();
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      if (this.#waiting.size > 0 || this.#worker !== worker) return;
      this.#worker = null;
      void worker.terminate();
    }, IDLE_MS).unref();
  }
}

function closed(): AppError {
  return new AppError('interrupted', 'The sentence model was closed.');
}
