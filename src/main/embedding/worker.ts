/** The embedding thread: one text after the other, so that the core never waits for a matrix product. */
import { parentPort, workerData } from 'node:worker_threads';
import { toWire } from '../../shared/errors.ts';
import type { EmbedCall, EmbedderSetup, EmbedReply } from './protocol.ts';
import { SentenceModel } from './sentence-model.ts';

const port = parentPort;
if (port === null) throw new Error('embedding/worker.ts runs as a worker thread only');
const { folder } = workerData as EmbedderSetup;

const model = SentenceModel.load(folder);
// reported by the first call
model.catch(() => undefined);

async function answer({ id, text }: EmbedCall): Promise<EmbedReply> {
  try {
    return { id, point: await (await model).embed(text) };
  } catch (error) {
    return { id, error: toWire(error) };
  }
}

let chain = Promise.resolve();
port.on('message', (call: EmbedCall) => {
  chain = chain.then(async () => port.postMessage(await answer(call)));
});
