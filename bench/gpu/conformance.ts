/** Whether this adapter computes what the reference does, and gives a row the same bits for every chunking. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGpuRuntime } from '../../src/main/engine/gpu/index.ts';
import { createReferenceRuntime } from '../../src/main/engine/reference/index.ts';
import type { AttentionPlan } from '../../src/main/engine/plan/types.ts';
import type { Runtime } from '../../src/main/engine/runtime.ts';
import { conformanceLength, conformancePlans } from '../../src/main/engine/testing/conformance-plans.ts';
import { bounds, nmse } from '../../src/main/engine/testing/nmse.ts';
import { openGguf } from '../../src/main/formats/index.ts';
import type { TinyLlama } from '../../src/main/formats/testing/index.ts';
import { encodeTinyLlama } from '../../src/main/formats/testing/index.ts';
import type { StageOptions } from './report.ts';
import { report } from './report.ts';

const tokens = 150;
const chunkings = [[tokens], [70, 1], [64, 63, 1, 9], [3]];

export async function conformance({ device, tiny }: StageOptions): Promise<void> {
  const named = device === null ? {} : { device };
  const cases: readonly (Partial<TinyLlama> & {
    readonly kvBits: 8 | 16 | 32;
    readonly arithmetic?: 'int8' | 'f16';
  })[] = [
    { type: 'Q4_1', kvBits: 16 },
    { type: 'F32', kvBits: 32 },
    { type: 'Q4_0', kvBits: 8, arithmetic: 'int8' },
    { type: 'Q4_1', kvBits: 16, arithmetic: 'f16' },
    { type: 'Q8_0', kvBits: 16, heads: 4, kvHeads: 2, headDim: 128, embedding: 128 },
  ];
  let worst = 0;
  const failures: string[] = [];
  for (const { kvBits, arithmetic, ...model } of tiny ? cases.slice(0, 1) : cases) {
    const reference = await open(model, createReferenceRuntime);
    const gpu = await open(model, (gguf) =>
      createGpuRuntime(gguf, { ...named, kvBits, ...(arithmetic === undefined ? {} : { arithmetic }) }),
    );
    const { heads, kvHeads, headDim } = gpu.hyperparameters;
    const plans = conformancePlans({ heads, kvHeads, headDim, trainedLength: conformanceLength });
    for (const plan of tiny ? plans.slice(2, 4) : plans) {
      const [expected] = await logitsOf(reference, plan, [[128, 22]]);
      const [whole, ...others] = await logitsOf(gpu, plan, chunkings);
      if (expected === undefined || whole === undefined) continue;
      const error = nmse(whole, expected);
      worst = Math.max(worst, error);
      const name = `${model.type ?? ''} kv${String(kvBits)} ${plan.name}`;
      if (!(error <= bounds.logits)) failures.push(`${name}: NMSE ${String(error)}`);
      for (const [i, other] of others.entries())
        if (!isEqual(whole, other))
          failures.push(`${name}: other bits in chunks of ${String(chunkings[i + 1])}`);
    }
    await gpu.release();
  }
  report({
    conformance: { worstNmse: worst, bound: bounds.logits, failures, passed: failures.length === 0 },
  });
}

async function open(
  model: Partial<TinyLlama>,
  create: (gguf: Awaited<ReturnType<typeof openGguf>>) => Promise<Runtime>,
): Promise<Runtime> {
  const folder = mkdtempSync(join(tmpdir(), 'longleaf-gpu-'));
  const path = join(folder, 'tiny.gguf');
  writeFileSync(path, encodeTinyLlama({ trainedLength: conformanceLength, ...model }));
  const gguf = await openGguf(path);
  try {
    return await create(gguf);
  } finally {
    await gguf.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function logitsOf(
  runtime: Runtime,
  plan: AttentionPlan,
  ways: readonly (readonly number[])[],
): Promise<readonly Float32Array[]> {
  const ids = Int32Array.from({ length: tokens }, (_, i) => (Math.imul(i + 1, 2654435761) >>> 7) % 288);
  const results: Float32Array[] = [];
  for (const chunks of ways) {
    const cache = runtime.createCache(runtime.compile(plan));
    const parts: Float32Array[] = [];
    for (let done = 0, i = 0; done < tokens; i++) {
      const rows = Math.min(chunks[Math.min(i, chunks.length - 1)] ?? 1, tokens - done);
      parts.push(await runtime.forward(cache, ids.subarray(done, done + rows), { logits: 'all' }));
      done += rows;
    }
    cache.release();
    results.push(Float32Array.from(parts.flatMap((part) => [...part])));
  }
  return results;
}

function isEqual(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((value, i) => Object.is(value, b[i]));
}
