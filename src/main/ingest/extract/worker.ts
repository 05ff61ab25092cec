/** A worker of the extractors' pool: one file after the other. */
import { parentPort, workerData } from 'node:worker_threads';

import { toWire } from '../../../shared/errors.ts';
import { makePassages } from '../passages/index.ts';
import { extractDocument } from './document.ts';
import type { ExtractAnswer, ExtractTask, WorkerSetup } from './protocol.ts';

const port = parentPort;
if (port === null) throw new Error('ingest/extract/worker.ts runs as a worker thread only');
const { current, targetTokens } = workerData as WorkerSetup;

const alive = (): void => void Atomics.add(current, 1, 1);

async function answer(task: ExtractTask): Promise<ExtractAnswer> {
  Atomics.store(current, 0, task.id);
  try {
    const document = await extractDocument(task, alive);
    return { id: task.id, document, passages: makePassages(document, targetTokens) };
  } catch (error) {
    return { id: task.id, error: toWire(error) };
  }
}

let chain = Promise.resolve();
port.on('message', (tasks: readonly ExtractTask[]) => {
  chain = chain.then(async () => {
    for (const task of tasks) port.postMessage(await answer(task));
  });
});
