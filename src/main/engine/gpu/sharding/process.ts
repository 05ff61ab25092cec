/**
 * The process of a further device: a `LocalShard` behind the IPC channel that the engine process opened. It ends when
 * the engine process closes it or is gone.
 */
import * as v from 'valibot';
import { AppError, toWire } from '../../../../shared/errors.ts';
import { openModel } from '../../../formats/index.ts';
import { openTested } from '../index.ts';
import { LocalShard } from './local-shard.ts';
import { Outbox, removeExchangeFolder } from './outbox.ts';
import type { RemoteReply, RemoteStart } from './remote-protocol.ts';
import { remoteRequestSchema, remoteStartSchema } from './remote-protocol.ts';
import type { Shard, ShardMethod } from './shard.ts';

async function main(): Promise<void> {
  if (!process.connected) process.exit(0);
  // Ctrl-C in a terminal reaches all processes, and is the core's to handle
  process.on('SIGINT', () => undefined);
  try {
    const start = parseStart(process.argv[2]);
    process.on('disconnect', () => {
      // an engine process that was killed has left it
      removeExchangeFolder(start.exchangeFolder);
      process.exit(0);
    });
    const shard = await openShard(start);
    process.on('message', (message) => void receive(shard, message));
    await send({ type: 'ready', info: shard.info });
  } catch (error) {
    await send({ type: 'failed', error: toWire(error) });
    process.exit(1);
  }
}

async function openShard(start: RemoteStart): Promise<LocalShard> {
  const { modelPath, adapterPath, dataFolder, exchangeFolder, index, ...card } = start;
  const gguf = await openModel(modelPath, adapterPath);
  try {
    return new LocalShard(await openTested(gguf, card, dataFolder), new Outbox(exchangeFolder, index));
  } finally {
    await gguf.close();
  }
}

async function receive(shard: Shard, message: unknown): Promise<void> {
  const request = v.safeParse(remoteRequestSchema, message);
  if (!request.success) return; // Nobody waits for an answer without an id.
  const { id, method, parameters } = request.output;
  try {
    // The engine process calls by the same interface; TypeScript loses the pairing of method and parameters.
    const call = shard[method].bind(shard) as (...given: unknown[]) => Promise<unknown>;
    await send({ type: 'ok', id, value: await call(...parameters) });
  } catch (error) {
    await send({ type: 'err', id, error: toWire(error) });
  }
  if (method === ('close' satisfies ShardMethod)) process.exit(0);
}

function parseStart(argument: string | undefined): RemoteStart {
  const result = v.safeParse(remoteStartSchema, JSON.parse(argument ?? 'null'));
  if (result.success) return result.output;
  throw new AppError('usage', `The process of a device was started wrongly: ${result.issues[0].message}`);
}

/** A reply that can't be sent has nobody to read it: 'disconnect' ends the process. */
function send(reply: RemoteReply): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(reply, () => resolve());
  });
}

await main();
