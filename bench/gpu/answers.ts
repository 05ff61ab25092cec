/** The default model's greedy answer, token by token, against what the processor gave where it was packed. */
import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { createGpuRuntime } from '../../src/main/engine/gpu/index.ts';
import { preset } from '../../src/main/engine/plan/presets.ts';
import { argmax } from '../../src/main/engine/scoring.ts';
import { openGguf } from '../../src/main/formats/index.ts';
import type { StageOptions } from './report.ts';
import { report, rounded } from './report.ts';

/** Written by bench/pack-gpu.ts. */
const expectedSchema = v.object({
  prompt: v.array(v.number()),
  answer: v.array(v.number()),
  variant: v.string(),
});

/** Every token is judged after the processor's own tokens: one that differs does not spoil those after it. */
export async function answers({ model, expected: file, device }: StageOptions): Promise<void> {
  if (model === null || file === null) {
    report({ answers: { skipped: 'the model, or what the processor answered, is not in the pack' } });
    return;
  }
  const { prompt, answer, variant } = v.parse(expectedSchema, JSON.parse(readFileSync(file, 'utf8')));
  const gguf = await openGguf(model);
  const runtime = await createGpuRuntime(gguf, device === null ? {} : { device });
  await gguf.close();
  const { heads, kvHeads, headDim, trainedLength } = runtime.hyperparameters;
  const plan = preset('window', { heads, kvHeads, headDim, trainedLength });
  const cache = runtime.createCache(runtime.compile(plan));
  let logits = await runtime.forward(cache, Int32Array.from(prompt), { logits: 'last' });
  const differences: object[] = [];
  for (const [index, id] of answer.entries()) {
    const best = argmax(logits);
    if (best !== id)
      differences.push({ index, id, best, by: rounded((logits[best] ?? NaN) - (logits[id] ?? NaN), 4) });
    logits = await runtime.forward(cache, Int32Array.of(id), { logits: 'last' });
  }
  await runtime.release();
  report({
    answers: {
      comparedWith: variant,
      tokens: answer.length,
      equal: answer.length - differences.length,
      differences,
    },
  });
}
