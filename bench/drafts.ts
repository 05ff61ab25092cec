/**
 * What guessed tokens win in an answer (decision 0035): the same answer with and without drafts, by turns, from the same
 * state, and as many tokens by llama.cpp after the same prompt. Texts are this repository's own; the answers are greedy,
 * as in the app. Longleaf's two answers must be equal.
 *
 *   node boot.mjs run bench/drafts.ts [--rounds 3] [--tokens 160] [--save]
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createPromptWriter, DEFAULT_SAMPLING } from '../src/main/app/index.ts';
import { geometryOf, preset, startEngine, type StateHandle } from '../src/main/engine/index.ts';
import { openGguf } from '../src/main/formats/index.ts';
import { createChatTemplate, createTokenizer } from '../src/main/tokenizer/index.ts';
import { benchModel, environment, writeResult } from './environment.ts';
import { startLlamaCpp } from './llama-cpp-process.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    tokens: { type: 'string', default: '160' },
    save: { type: 'boolean', default: false },
  },
});
const maxTokens = Number(values.tokens);
/** of an odd number of rounds the middle one */
const median = (times: readonly number[]): number =>
  times.toSorted((a, b) => a - b)[times.length >> 1] ?? NaN;

const part = (file: string, characters: number): string =>
  readFileSync(join(import.meta.dirname, '..', file), 'utf8').slice(0, characters);
const questions: Readonly<Record<string, string>> = {
  'a document, summarised': `${part('docs/ingest.md', 4000)}\n\nSummarise the text above.`,
  'a document, a question': `${part('docs/ingest.md', 4000)}\n\nWhich formats are read, and with what?`,
  'a source file, explained': `${part('src/main/engine/queue.ts', 3500)}\n\nExplain this code, function by function.`,
  'a source file, written anew': `${part('src/main/engine/queue.ts', 3500)}\n\nWrite the class again without comments.`,
  'no text: a list': 'List ten facts about whales.',
  'no text: a story': 'Tell me a long story about a lighthouse keeper.',
};

const model = await benchModel();
const gguf = await openGguf(model.path);
const tokenizer = createTokenizer(gguf.metadata);
const writer = createPromptWriter(tokenizer, createChatTemplate(gguf.metadata));
await gguf.close();
const engine = await startEngine({
  modelPath: model.path,
  modelHash: model.hash,
  backend: 'cpu',
  dataFolder: null,
  maxMemoryMB: 1000,
  maxDiskGB: 1,
});
const stop = tokenizer.stopIds;
/** what bench:peers finds best for this model on two cores */
const peer = { threads: 2, batchSize: 512, flashAttention: true, contextSize: 4096 };
const llama = await startLlamaCpp(model.path, peer);

/** ms a token, and the answer */
async function answer(state: StateHandle, drafts: boolean): Promise<{ ms: number; ids: number[] }> {
  const fork = await engine.fork(state);
  const ids: number[] = [];
  const start = performance.now();
  const request = {
    state: fork,
    sampling: { ...DEFAULT_SAMPLING, maxTokens },
    stop,
    priority: 'chat',
    drafts,
  } as const;
  for await (const { id } of engine.generate(request)) ids.push(id);
  const ms = (performance.now() - start) / ids.length;
  await engine.release(fork);
  return { ms, ids };
}

async function compare(question: string) {
  const content = [{ kind: 'question', key: '', ids: writer.text(question) }] as const;
  const { ids } = writer.write([{ role: 'user', pieces: content }]);
  const plan = preset('window', geometryOf(engine.info.hyperparameters));
  const { state } = await engine.open({ plan, ids: new Int32Array(0), useStored: false });
  await engine.prefill(state, ids, { priority: 'chat' });
  await llama.prefill(ids);
  const times = { with: [] as number[], without: [] as number[], llamaCpp: [] as number[] };
  let tokens = 0;
  for (let round = 0; round < Number(values.rounds); round++) {
    const plain = await answer(state, false);
    const drafted = await answer(state, true);
    if (plain.ids.join() !== drafted.ids.join()) throw new Error('The answers differ: drafts are broken.');
    tokens = plain.ids.length;
    times.without.push(plain.ms);
    times.with.push(drafted.ms);
    times.llamaCpp.push((await llama.decode(tokens)) / tokens);
    await llama.backTo(ids.length);
  }
  await engine.release(state);
  const ratioOf = (others: readonly number[]) => {
    const ratios = others.map((ms, round) => ms / (times.with[round] ?? NaN));
    return { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) };
  };
  return {
    context: ids.length,
    tokens,
    msWithout: median(times.without),
    msWith: median(times.with),
    msLlamaCpp: median(times.llamaCpp),
    ratio: ratioOf(times.without),
    toLlamaCpp: ratioOf(times.llamaCpp),
  };
}

const results: Record<string, Awaited<ReturnType<typeof compare>>> = {};
for (const [name, question] of Object.entries(questions)) {
  const one = await compare(question);
  results[name] = one;
  const ratio = ({ median: middle, least, most }: typeof one.ratio): string =>
    `${middle.toFixed(2)} [${least.toFixed(2)}, ${most.toFixed(2)}]`;
  console.log(
    `${name}: ${String(one.tokens)} tokens, ${one.msWithout.toFixed(1)} -> ${one.msWith.toFixed(1)} ms a token, ${ratio(one.ratio)}; llama.cpp ${one.msLlamaCpp.toFixed(1)}, ${ratio(one.toLlamaCpp)}`,
  );
}
if (values.save)
  writeResult('drafts', {
    environment: environment(),
    model: { id: model.id, hash: model.hash },
    engine: { variant: engine.info.variant, threads: engine.info.threads },
    llamaCpp: peer,
    rounds: Number(values.rounds),
    results,
  });
await engine.close();
llama.close();
