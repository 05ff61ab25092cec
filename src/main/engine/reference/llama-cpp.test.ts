/**
 * Whole models against llama.cpp: tiny random ones of every tensor type. (The default model on 512 tokens is compared
 * in bench/, which takes minutes.)
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
import { bounds, nmse } from '../testing/nmse.ts';
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

describe('the reference against llama.cpp', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'longleaf-llama-cpp-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(models)('$type (tied: $tied): logits of 100 tokens', async (model) => {
    const path = join(folder, 'tiny.gguf');
    writeFileSync(path, encodeTinyLlama({ trainedLength: 128, ...model }));
    const ids = someIds(100);

    const llamaCpp = await loadLlamaCpp(path, { contextSize: 256, threads: 1 });
    const expected = await llamaCpp.logits(ids);
    await llamaCpp.close();

    const gguf = await openGguf(path);
    const runtime = await createReferenceRuntime(gguf);
    await gguf.close();
    const plan = preset('dense', geometryOf(runtime.hyperparameters));
    const actual = await readInChunks(runtime, runtime.createCache(runtime.compile(plan)), ids, [33]);
    expect(nmse(actual, expected)).toBeLessThan(boundOf(model.type));
  });
});
