/**
 * A core that reads a library of token ids with a snapshot every so many tokens, for tests that kill it or its
 * engine. Argument: JSON of ReaderOptions. Prints one JSON line for each event; the last one has the checksum.
 */
import { startEngine } from '../client.ts';
import { tinyIds, tinyModelHash, tinyPlan } from './tiny-engine.ts';

export interface ReaderOptions {
  readonly backend: 'cpu' | 'reference';
  readonly modelPath: string;
  readonly dataFolder: string;
  readonly tokens: number;
  readonly interval: number;
}

export type ReaderEvent =
  | { readonly event: 'ready'; readonly pid: number; readonly reused: number }
  | { readonly event: 'read'; readonly position: number }
  | { readonly event: 'saving'; readonly position: number }
  | { readonly event: 'saved'; readonly position: number }
  | { readonly event: 'done'; readonly checksum: string; readonly states: number };

const { backend, modelPath, dataFolder, tokens, interval } = JSON.parse(process.argv[2]) as ReaderOptions;
const say = (event: ReaderEvent): void => void process.stdout.write(`${JSON.stringify(event)}\n`);

const engine = await startEngine({
  modelPath,
  modelHash: tinyModelHash,
  backend,
  dataFolder,
  maxMemoryMB: 100,
  maxDiskGB: 1,
});
const ids = tinyIds(tokens);
const { state, reused } = await engine.open({ plan: tinyPlan('dense'), ids });
say({ event: 'ready', pid: engine.info.pid, reused });
let checksum = '';
for (let position = reused; position < tokens || checksum === '';) {
  const end = Math.min(tokens, (Math.floor(position / interval) + 1) * interval);
  const start = position;
  await engine.prefill(state, ids.subarray(position, end), {
    priority: 'reading',
    onProgress: ({ done }) => say({ event: 'read', position: start + done }),
  });
  position = end;
  say({ event: 'saving', position });
  ({ checksum } = await engine.snapshot(state, 'library'));
  say({ event: 'saved', position });
}
say({ event: 'done', checksum, states: (await engine.stored('library')).length });
await engine.close();
