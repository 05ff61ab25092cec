/**
 * A graphics driver that does not come back holds the whole process: no timer of its own would ever run. So a thread
 * watches, and ends the process; the core then starts the engine anew, under `auto` on the processor.
 */
import { Worker } from 'node:worker_threads';

/** What is told on stderr before the process ends itself: the core shows it (connection.ts). */
const LAST_WORDS = 'longleaf ends this process: ';

/** Why a process ended itself, from what it wrote to stderr; null: it did not. */
export function lastWordsIn(stderr: string): string | null {
  const line = stderr.split('\n').find((each) => each.startsWith(LAST_WORDS));
  return line?.slice(LAST_WORDS.length) ?? null;
}

/** What every engine with a card begins with. */
export const OPENING = 'its adapter was opened and tested';

/** Waits on the shared number; what is in the thread's argument is all that it knows. */
const watcher = `
const { workerData } = require('node:worker_threads');
const { writeSync } = require('node:fs');
const { done, milliseconds, lastWords } = workerData;
if (Atomics.wait(new Int32Array(done), 0, 0, milliseconds) === 'timed-out') {
  writeSync(2, lastWords + '\\n');
  process.kill(process.pid, 'SIGKILL');
}`;

/**
 * @param seconds that `work` may take; else this process is killed
 * @param what the driver was asked for
 * @throws what `work` throws
 */
export async function watched<T>(seconds: number, what: string, work: () => Promise<T>): Promise<T> {
  const done = new SharedArrayBuffer(4);
  const lastWords = `${LAST_WORDS}the graphics driver did not answer for ${String(seconds)} s when ${what}`;
  const thread = new Worker(watcher, {
    eval: true,
    workerData: { done, milliseconds: 1000 * seconds, lastWords },
  });
  try {
    // the thread must be there before a driver can hold this one
    await new Promise((resolve) => thread.once('online', resolve));
    return await work();
  } finally {
    const flag = new Int32Array(done);
    Atomics.store(flag, 0, 1);
    Atomics.notify(flag, 0);
    thread.unref();
  }
}
