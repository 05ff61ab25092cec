/** A worker of the extractors' pool: one file after the other. */
import { parentPort, workerData } from 'node:worker_threads';

import { AppError, toWire } from '../../../shared/errors.ts';
import { makePassages } from '../passages/index.ts';
import type { TextPiece } from '../types.ts';
import { extractDocument } from './document.ts';
import { readLongText } from './long-text.ts';
import type { ExtractAnswer, ExtractTask, PieceTaken, WorkerSetup } from './protocol.ts';

const port = parentPort;
if (port === null) throw new Error('ingest/extract/worker.ts runs as a worker thread only');
const { current, targetTokens } = workerData as WorkerSetup;

const alive = (): void => void Atomics.add(current, 1, 1);

async function answer(task: ExtractTask): Promise<ExtractAnswer> {
  Atomics.store(current, 0, task.id);
  try {
    if (task.inPieces) {
      const hand = (piece: TextPiece): Promise<boolean> => handOver(task.id, piece);
      return { id: task.id, document: await readLongText(task, { targetTokens, alive, hand }), passages: [] };
    }
    const document = await extractDocument(task, alive);
    return { id: task.id, document, passages: makePassages(document, targetTokens) };
  } catch (error) {
    return { id: task.id, error: toWire(error instanceof AppError ? error : unforeseen(error)) };
  }
}

/** A fault of a reader costs the file that shows it, as a crash does: never the job. */
function unforeseen(error: unknown): AppError {
  const words = error instanceof Error ? error.message : String(error);
  return new AppError('invalid-input', `Reading it failed unexpectedly (${words}).`, undefined, {
    cause: error,
  });
}

/** how the piece under way has ended, to whoever waits for that */
let onTaken: ((goOn: boolean) => void) | null = null;

function handOver(id: number, piece: TextPiece): Promise<boolean> {
  const taken = new Promise<boolean>((resolve) => (onTaken = resolve));
  // whoever takes it may be busy for long: what is waited for is not this thread
  const waiting = setInterval(alive, 1000);
  port?.postMessage({ id, piece } satisfies ExtractAnswer);
  return taken.finally(() => clearInterval(waiting));
}

let chain = Promise.resolve();
port.on('message', (message: readonly ExtractTask[] | PieceTaken) => {
  if ('goOn' in message) return onTaken?.(message.goOn);
  chain = chain.then(async () => {
    for (const task of message) port.postMessage(await answer(task));
  });
});
