/** Engines on a tiny random model, for tests: in this process as a service, or as a real engine process. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGguf } from '../../formats/index.ts';
import { encodeTinyLlama, tinyVocabulary, type TinyLlama } from '../../formats/testing/index.ts';
import { createCpuRuntime } from '../cpu/index.ts';
import type { BackendName } from '../engine.ts';
import { preset, type PresetName } from '../plan/presets.ts';
import type { AttentionPlan } from '../plan/types.ts';
import { createReferenceRuntime } from '../reference/index.ts';
import type { Runtime } from '../runtime.ts';
import { EngineService, type ServiceOptions } from '../service.ts';

/** A context of T = 256 tokens: `adapted` has a window of 64 and many bands within a thousand tokens. */
const geometry = { heads: 6, kvHeads: 2, headDim: 32, trainedLength: 256 };

export function tinyPlan(name: PresetName = 'adapted'): AttentionPlan {
  return preset(name, geometry);
}

export const tinyModelHash = 'f'.repeat(64);

/** A folder of its own with a model in it; removed by the returned function. */
export function tinyModel(options: Partial<TinyLlama> = {}): {
  folder: string;
  modelPath: string;
  remove: () => void;
} {
  const folder = mkdtempSync(join(tmpdir(), 'longleaf-engine-'));
  const modelPath = join(folder, 'tiny.gguf');
  writeFileSync(modelPath, encodeTinyLlama(options));
  return { folder, modelPath, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

export async function tinyRuntime(modelPath: string, backend: BackendName = 'reference'): Promise<Runtime> {
  const gguf = await openGguf(modelPath);
  try {
    return await (backend === 'cpu' ? createCpuRuntime(gguf) : createReferenceRuntime(gguf));
  } finally {
    await gguf.close();
  }
}

/** A service in this process; nothing is stored unless a store is given. */
export function tinyService(runtime: Runtime, options: Partial<ServiceOptions> = {}): EngineService {
  return new EngineService({
    runtime,
    modelHash: tinyModelHash,
    device: 'test',
    store: null,
    maxMemoryBytes: 1e9,
    queueLimit: 16,
    readyMs: 0,
    ...options,
  });
}

/** A runtime of which some members are replaced. */
export function wrapped(inner: Runtime, replaced: Partial<Runtime>): Runtime {
  return {
    backend: inner.backend,
    hyperparameters: inner.hyperparameters,
    variant: inner.variant,
    numericsVersion: inner.numericsVersion,
    maxRows: inner.maxRows,
    compile: (plan) => inner.compile(plan),
    createCache: (compiled) => inner.createCache(compiled),
    forward: (cache, ids, options) => inner.forward(cache, ids, options),
    release: () => inner.release(),
    ...replaced,
  };
}

/** Reproducible token ids that do not repeat. */
export function tinyIds(count: number, seed = 1): Int32Array {
  let state = seed >>> 0;
  return Int32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % tinyVocabulary;
  });
}

export const greedy = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  repetitionWindow: 0,
  seed: 1,
  maxTokens: 8,
} as const;
