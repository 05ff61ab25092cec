/** Every architecture, tensor type and kind of RoPE against llama.cpp, on tiny random models. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeLlamaCppLogits } from '../../../bench/llama-cpp-logits.ts';
import { openGguf } from '../formats/index.ts';
import type { TinyModel } from '../formats/testing/index.ts';
import { encodeTinyModel } from '../formats/testing/index.ts';
import { geometryOf } from './hyperparameters.ts';
import { preset } from './plan/presets.ts';
import { architectureModels } from './testing/architecture-models.ts';
import { bounds, centreRows, nmse } from './testing/nmse.ts';
import { readInChunks, someIds } from './testing/runtime-conformance.ts';
import { createCpuRuntime } from './cpu/index.ts';
import { createReferenceRuntime } from './reference/index.ts';

const names = Object.keys(architectureModels);
const ids = someIds(100);

/**
 * With f32 matrices llama.cpp keeps K and V in f16, ours on the CPU in bf16; else it quantises the rows to int8, or
 * rounds them to bf16.
 */
function boundOf(backend: keyof typeof backends, model: Partial<TinyModel>): number {
  return backend === 'reference' && (model.type ?? 'F32') === 'F32' ? 1e-5 : bounds.logits;
}

const backends = { reference: createReferenceRuntime, cpu: createCpuRuntime } as const;

describe('against llama.cpp', () => {
  const folder = mkdtempSync(join(tmpdir(), 'longleaf-architectures-'));
  const pathOf = (name: string): string => join(folder, `${String(names.indexOf(name))}.gguf`);
  beforeAll(async () => {
    for (const name of names) writeFileSync(pathOf(name), encodeTinyModel(architectureModels[name]));
    const idsPath = join(folder, 'ids.json');
    writeFileSync(idsPath, JSON.stringify([...ids]));
    await writeLlamaCppLogits(idsPath, names.map(pathOf));
  }, 600_000);
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  describe.each(['reference', 'cpu'] as const)('%s', (backend) => {
    // capped scores are computed by the reference only
    const computed = names.filter((name) => backend === 'reference' || !name.startsWith('gemma2'));
    it.each(computed)('%s', async (name) => {
      const gguf = await openGguf(pathOf(name));
      const runtime = await backends[backend](gguf);
      await gguf.close();
      const plan = preset('dense', geometryOf(runtime.hyperparameters));
      const logits = await readInChunks(runtime, runtime.createCache(runtime.compile(plan)), ids, [33]);
      await runtime.release();
      const bytes = readFileSync(`${pathOf(name)}.logits`);
      const expected = new Float32Array(new Uint8Array(bytes).buffer);
      const actual = centreRows(logits, runtime.hyperparameters.vocabulary);
      expect(nmse(actual, expected)).toBeLessThan(boundOf(backend, architectureModels[name]));
    });
  });
});
