/**
 * The default model, dense, against llama.cpp on the same file: 512 tokens of code. On prose, where the first two
 * candidates are often close, llama.cpp agrees with itself (flash attention on or off) on 95 to 96 % of the top
 * tokens; `bench/agreement.ts` measures that beside ours.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { loadLlamaCpp } from '../../../../bench/llama-cpp.ts';
import { centredNmse, sameTopToken } from '../../../../bench/logit-agreement.ts';
import { openGguf } from '../../formats/index.ts';
import { createTokenizer } from '../../tokenizer/index.ts';
import { geometryOf } from '../hyperparameters.ts';
import { preset } from '../plan/presets.ts';
import { bounds } from '../testing/nmse.ts';
import { defaultModel } from '../testing/test-data.ts';
import { createCpuRuntime } from './index.ts';

const model = defaultModel();
const length = 512;

/** A C header that the lock file fixes. */
function headerText(): string {
  const folder = dirname(createRequire(import.meta.url).resolve('node-api-headers'));
  return readFileSync(join(folder, 'include/js_native_api.h'), 'utf8').slice(2000);
}

async function ours(): Promise<{ ids: Int32Array; logits: Float32Array }> {
  const gguf = await openGguf(model.path);
  try {
    const ids = createTokenizer(gguf.metadata).encode(headerText()).slice(0, length);
    const runtime = await createCpuRuntime(gguf);
    const plan = preset('dense', geometryOf(runtime.hyperparameters));
    const logits = await runtime.forward(runtime.createCache(runtime.compile(plan)), ids, { logits: 'all' });
    await runtime.release();
    return { ids, logits };
  } finally {
    await gguf.close();
  }
}

it.skipIf(model.missing)(
  `logits of the default model on ${String(length)} tokens are llama.cpp's: NMSE <= 3e-3, top token the same for 97 %` +
    (model.missing ? ' (skipped: the model is not installed)' : ''),
  async () => {
    const { ids, logits } = await ours();
    expect(ids).toHaveLength(length);
    const llamaCpp = await loadLlamaCpp(model.path, { contextSize: 1024, threads: 2 });
    const expected = await llamaCpp.logits(ids);
    await llamaCpp.close();
    const vocabulary = expected.length / length;
    expect(centredNmse(logits, expected, vocabulary)).toBeLessThan(bounds.logits);
    expect(sameTopToken(logits, expected, vocabulary)).toBeGreaterThanOrEqual(0.97);
  },
  300_000,
);
