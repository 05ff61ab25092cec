/**
 * Perplexity of the first 4,096 tokens of Moby-Dick, plan `dense`, next to llama.cpp's on the same ids (issue 3:
 * within 1 %). Both sides score every token but the first, given all before it.
 *
 *   node boot.mjs run bench/perplexity.ts [--tokens 4096]
 */
import { parseArgs } from 'node:util';
import { geometryOf, preset, startEngine } from '../src/main/engine/index.ts';
import { openGguf } from '../src/main/formats/index.ts';
import { createTokenizer } from '../src/main/tokenizer/index.ts';
import { blockBootstrap } from './bootstrap.ts';
import { benchModel, environment, writeResult } from './environment.ts';
import { startLlamaCpp } from './llama-cpp-process.ts';
import { mobyDick } from './texts.ts';

const { values } = parseArgs({ options: { tokens: { type: 'string', default: '4096' } } });
const tokens = Number(values.tokens);
const model = await benchModel();
const gguf = await openGguf(model.path);
const tokenizer = createTokenizer(gguf.metadata);
await gguf.close();
const ids = tokenizer.encode(await mobyDick()).slice(0, tokens);

const ours = await ourLosses();
const theirs = await theirLosses();
const difference = ours.map((loss, i) => loss - (theirs[i] ?? NaN));
const perplexity = (losses: readonly number[]): number =>
  Math.exp(losses.reduce((sum, loss) => sum + loss, 0) / losses.length);
const ratio = perplexity(ours) / perplexity(theirs);
writeResult('perplexity', {
  environment: environment(),
  model: { id: model.id, hash: model.hash },
  tokens: ids.length,
  scored: ours.length,
  ours: perplexity(ours),
  theirs: perplexity(theirs),
  ratio,
  /** nat per token, ours minus theirs, on the same tokens */
  lossDifference: blockBootstrap(difference, 128),
});
console.log(
  `perplexity: Longleaf ${perplexity(ours).toFixed(4)}, llama.cpp ${perplexity(theirs).toFixed(4)}`,
);
console.log(`ratio ${ratio.toFixed(5)} (must be within 1 %)`);
process.exitCode = Math.abs(ratio - 1) <= 0.01 ? 0 : 1;

async function ourLosses(): Promise<number[]> {
  const engine = await startEngine({
    modelPath: model.path,
    modelHash: model.hash,
    backend: 'cpu',
    dataFolder: null,
    maxMemoryMB: 1,
    maxDiskGB: 1,
  });
  try {
    const plan = preset('dense', geometryOf(engine.info.hyperparameters));
    const { state } = await engine.open({ plan, ids: new Int32Array(0), useStored: false });
    const { logProbabilities } = await engine.score(state, ids, { priority: 'chat' });
    return Array.from(logProbabilities.subarray(1), (value) => -value);
  } finally {
    await engine.close();
  }
}

async function theirLosses(): Promise<number[]> {
  const llama = await startLlamaCpp(model.path, { contextSize: tokens + 64, threads: 1 });
  try {
    return Array.from((await llama.logProbabilities(ids)).subarray(1), (value) => -value);
  } finally {
    llama.close();
  }
}
