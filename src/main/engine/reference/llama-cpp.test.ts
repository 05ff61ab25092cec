/**
 * Whole models against llama.cpp: tiny random ones of every tensor type, and the default model on a few tokens (on
 * 512 it takes minutes: bench/).
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadLlamaCpp } from '../../../../bench/llama-cpp.ts';
import { openGguf } from '../../formats/index.ts';
import type { TinyLlama } from '../../formats/testing/index.ts';
import { encodeTinyLlama } from '../../formats/testing/index.ts';
import { geometryOf } from '../hyperparameters.ts';
import { preset } from '../plan/presets.ts';
import type { Runtime } from '../runtime.ts';
import { bounds, centreRows, nmse } from '../testing/nmse.ts';
import { defaultModel } from '../testing/test-data.ts';
import { readInChunks, someIds } from '../testing/runtime-conformance.ts';
import { createReferenceRuntime } from './reference-runtime.ts';

const models: readonly (Partial<TinyLlama> & Pick<TinyLlama, 'type' | 'tied'>)[] = [
  { type: 'F32', tied: false },
  { type: 'F16', tied: true },
  { type: 'Q8_0', tied: true },
  { type: 'Q4_0', tied: false },
  { type: 'Q4_1', tied: true },
  { type: 'F32', tied: true, heads: 4, kvHeads: 4, ropeBase: 100_000 },
];

/** llama.cpp quantises the rows to int8 for quantised matrices; with f32 it keeps K and V in f16. */
const boundOf = (type: TinyLlama['type']): number => (type === 'F32' ? 1e-5 : bounds.logits);

const model = defaultModel();
/** "Call me Ishmael. Some years ago - never mind how long precisely - having little or no money in my purse," */
const callMeIshmael = [
  12800, 549, 46588, 30, 2015, 929, 3156, 731, 2093, 1945, 638, 986, 10031, 731, 1953, 1838, 355, 787, 2478,
  281, 957, 42882, 28,
];

async function openReference(path: string): Promise<Runtime> {
  const gguf = await openGguf(path);
  try {
    return await createReferenceRuntime(gguf);
  } finally {
    await gguf.close();
  }
}

async function denseLogits(runtime: Runtime, ids: Int32Array): Promise<Float32Array> {
  const plan = preset('dense', geometryOf(runtime.hyperparameters));
  const logits = await readInChunks(runtime, runtime.createCache(runtime.compile(plan)), ids, [33]);
  return centreRows(logits, runtime.hyperparameters.vocabulary);
}

async function llamaCppLogits(path: string, ids: Int32Array): Promise<Float32Array> {
  const llamaCpp = await loadLlamaCpp(path, { contextSize: 256, threads: 1 });
  try {
    return await llamaCpp.logits(ids);
  } finally {
    await llamaCpp.close();
  }
}

describe('the reference against llama.cpp', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'longleaf-llama-cpp-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(models)('$type (tied: $tied): logits of 100 tokens', async (options) => {
    const path = join(folder, 'tiny.gguf');
    writeFileSync(path, encodeTinyLlama({ trainedLength: 128, ...options }));
    const ids = someIds(100);
    const expected = await llamaCppLogits(path, ids);
    const actual = await denseLogits(await openReference(path), ids);
    expect(nmse(actual, expected)).toBeLessThan(boundOf(options.type));
  });

  it.skipIf(model.missing)(
    `the default model${model.missing ? ' (skipped: not installed)' : ''}`,
    async () => {
      const ids = Int32Array.from(callMeIshmael);
      const runtime = await openReference(model.path);
      const expected = await llamaCppLogits(model.path, ids);
      expect(nmse(await denseLogits(runtime, ids), expected)).toBeLessThan(bounds.logits);
    },
  );
});
