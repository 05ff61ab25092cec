/**
 * `node boot.mjs run bench/agreement.ts`: the logits of 512 tokens, plan `dense`, against llama.cpp's on the same
 * GGUF: `cpu`, with `--reference` that too (minutes), and llama.cpp against itself with flash attention off. The last
 * one is what int8 activations allow: a rounding that falls the other way moves what all later layers round.
 * Writes bench/results/agreement.json.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { geometryOf, preset, startEngine } from '../src/main/engine/index.ts';
import type { BackendName } from '../src/main/engine/index.ts';
import { openGguf } from '../src/main/formats/index.ts';
import { createTokenizer } from '../src/main/tokenizer/index.ts';
import { benchModel, environment, writeResult } from './environment.ts';
import { loadLlamaCpp } from './llama-cpp.ts';
import { centredNmse, sameTopToken } from './logit-agreement.ts';
import { mobyDick } from './texts.ts';

const length = 512;
const model = await benchModel();

interface Agreement {
  readonly nmse: number;
  readonly sameTopToken: number;
}

async function engineLogits(backend: BackendName, ids: Int32Array): Promise<Float32Array> {
  const engine = await startEngine({
    modelPath: model.path,
    modelHash: model.hash,
    backend,
    dataFolder: null,
    maxMemoryMB: 1,
    maxDiskGB: 1,
  });
  try {
    return await engine.logits(ids, preset('dense', geometryOf(engine.info.hyperparameters)), ids.length);
  } finally {
    await engine.close();
  }
}

async function llamaCppLogits(ids: Int32Array, flashAttention: boolean): Promise<Float32Array> {
  const llamaCpp = await loadLlamaCpp(model.path, { contextSize: 1024, threads: 2, flashAttention });
  try {
    return await llamaCpp.logits(ids);
  } finally {
    await llamaCpp.close();
  }
}

function compare(a: Float32Array, b: Float32Array): Agreement {
  const vocabulary = b.length / length;
  return { nmse: centredNmse(a, b, vocabulary), sameTopToken: sameTopToken(a, b, vocabulary) };
}

/** Names and beginnings of the texts: a novel in three places, a C header, our own TypeScript. */
async function texts(): Promise<Readonly<Record<string, string>>> {
  const novel = await mobyDick();
  const headers = dirname(createRequire(import.meta.url).resolve('node-api-headers'));
  const part = (characters: number): string => novel.slice(characters, characters + 10_000);
  return {
    'Moby-Dick, from character 20,000': part(20_000),
    'Moby-Dick, from character 300,000': part(300_000),
    'Moby-Dick, from character 800,000': part(800_000),
    'js_native_api.h': readFileSync(join(headers, 'include/js_native_api.h'), 'utf8').slice(2000),
    'hyperparameters.ts': readFileSync(
      join(import.meta.dirname, '../src/main/engine/hyperparameters.ts'),
      'utf8',
    ),
  };
}

const gguf = await openGguf(model.path);
const tokenizer = createTokenizer(gguf.metadata);
await gguf.close();

const results: Record<string, object> = {};
for (const [name, text] of Object.entries(await texts())) {
  const ids = tokenizer.encode(text).slice(0, length);
  const llamaCpp = await llamaCppLogits(ids, true);
  results[name] = {
    cpu: compare(await engineLogits('cpu', ids), llamaCpp),
    ...(process.argv.includes('--reference')
      ? { reference: compare(await engineLogits('reference', ids), llamaCpp) }
      : {}),
    llamaCppWithoutFlashAttention: compare(await llamaCppLogits(ids, false), llamaCpp),
  };
  console.log(name, JSON.stringify(results[name]));
}
writeResult('agreement', {
  ...environment(),
  model: model.id,
  plan: 'dense',
  tokens: length,
  texts: results,
});
