/**
 * Logits by llama.cpp of one model file after another, in a process of its own: a failed assertion there ends that
 * process, not the tests'. `node llama-cpp-logits.ts IDS.json MODEL…` writes f32 [ids][vocabulary], each row with mean
 * 0, to MODEL.logits.
 */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { loadLlamaCpp } from './llama-cpp.ts';

/**
 * Writes MODEL.logits beside each model.
 * @param idsPath JSON array of token ids
 * @throws Error with llama.cpp's last words
 */
export async function writeLlamaCppLogits(idsPath: string, models: readonly string[]): Promise<void> {
  const script = fileURLToPath(import.meta.url);
  await promisify(execFile)(process.execPath, [script, idsPath, ...models], { maxBuffer: 1 << 26 });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [idsPath, ...models] = process.argv.slice(2);
  const ids = JSON.parse(readFileSync(idsPath ?? '', 'utf8')) as number[];
  for (const model of models) {
    const llamaCpp = await loadLlamaCpp(model, { contextSize: 256, threads: 1 });
    const logits = await llamaCpp.logits(ids);
    await llamaCpp.close();
    writeFileSync(`${model}.logits`, new Uint8Array(logits.buffer));
  }
}
