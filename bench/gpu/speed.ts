/** Tokens per second of a model, and the times of its kernels. */
import { performance } from 'node:perf_hooks';
import { AppError } from '../../src/shared/errors.ts';
import { createGpuRuntime } from '../../src/main/engine/gpu/index.ts';
import type { GpuRuntime, GpuRuntimeOptions } from '../../src/main/engine/gpu/index.ts';
import { preset } from '../../src/main/engine/plan/presets.ts';
import type { Cache } from '../../src/main/engine/runtime.ts';
import type { GgufFile } from '../../src/main/formats/index.ts';
import { openGguf } from '../../src/main/formats/index.ts';
import type { ModelShape } from './shapes.ts';
import { generatedModel, shapes } from './shapes.ts';
import type { StageOptions } from './report.ts';
import { medianOf, report, rounded } from './report.ts';

const greedy = {
  ...{ temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1.1, repetitionWindow: 8, seed: 1 },
} as const;

interface Sizes {
  readonly contexts: readonly number[];
  /** tokens of one measured stretch */
  readonly prefill: number;
  readonly decode: number;
  readonly repeat: number;
}

const full: Sizes = { contexts: [4096, 131_072, 1_048_576], prefill: 4096, decode: 128, repeat: 3 };
const tinySizes: Sizes = { contexts: [256, 4096], prefill: 64, decode: 8, repeat: 1 };

export async function small(options: StageOptions): Promise<void> {
  const { model, tiny } = options;
  const gguf =
    model === null || tiny ? generatedModel(tiny ? shapes.tiny : shapes.small) : await openGguf(model);
  await measure('small', gguf, options, tiny ? tinySizes : full);
}

/** The same model with products in integers and halves, with keys and values in 8 bits, and without subgroups. */
export async function variants(options: StageOptions): Promise<void> {
  const { model, tiny } = options;
  const sizes = tiny ? { ...tinySizes, contexts: [256] } : { ...full, contexts: [4096, 131_072], repeat: 2 };
  const kinds = {
    int8: { arithmetic: 'int8' },
    f16: { arithmetic: 'f16' },
    kv8: { kvBits: 8 },
    matrix: { arithmetic: 'matrix' },
    withoutSubgroups: { subgroups: false },
  } as const;
  for (const [name, more] of Object.entries(kinds)) {
    const gguf =
      model === null || tiny ? generatedModel(tiny ? shapes.tiny : shapes.small) : await openGguf(model);
    try {
      await measure(name, gguf, { ...options, more, profiled: false }, sizes);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'unsupported') throw error;
      report({ [name]: { skipped: error.message } });
    }
  }
}

export async function large(options: StageOptions): Promise<void> {
  const shape: ModelShape = options.tiny ? { ...shapes.tiny, type: 'Q4_0' } : shapes.large;
  const sizes = { ...full, contexts: [4096, 131_072], prefill: 2048, decode: 64 };
  await measure('large', generatedModel(shape), options, options.tiny ? tinySizes : sizes);
}

type MeasureOptions = StageOptions & {
  readonly more?: Pick<GpuRuntimeOptions, 'arithmetic' | 'kvBits' | 'subgroups'>;
  readonly profiled?: boolean;
};

async function measure(
  name: string,
  gguf: GgufFile,
  { device, more = {}, profiled = true }: MeasureOptions,
  sizes: Sizes,
): Promise<void> {
  const begin = performance.now();
  const runtime = await createGpuRuntime(gguf, { ...(device === null ? {} : { device }), ...more });
  const say = (figures: Readonly<Record<string, unknown>>): void => report({ [name]: figures });
  const { hyperparameters, dispatches } = runtime;
  say({
    model: gguf.path.split('/').at(-1),
    device: runtime.device,
    subgroupSize: runtime.subgroupSize,
    loadSeconds: rounded((performance.now() - begin) / 1000),
    weightMB: rounded([...gguf.tensors.values()].reduce((sum, { bytes }) => sum + bytes, 0) / 1e6),
    dispatchesPerToken: dispatches.perLayer * hyperparameters.layers + dispatches.besides,
  });
  await runStretch(runtime, filled(runtime, 64), sizes); // compiles, and warms up
  for (const context of sizes.contexts) {
    const speeds: Stretch[] = [];
    for (let turn = 0; turn < sizes.repeat; turn++) {
      const cache = filled(runtime, context);
      speeds.push(await runStretch(runtime, cache, sizes));
      cache.release();
    }
    say({
      [`at${String(context)}`]: {
        prefillTokensPerSecond: rounded(medianOf(speeds.map(({ prefill }) => prefill))),
        decodeTokensPerSecond: rounded(medianOf(speeds.map(({ decode }) => decode))),
        runs: speeds,
      },
    });
  }
  for (const context of profiled ? sizes.contexts : []) {
    for (const rows of [1, Math.min(512, sizes.prefill)]) {
      const cache = filled(runtime, context);
      await runtime.profile(cache, someIds(rows, runtime));
      const kernels = await runtime.profile(cache, someIds(rows, runtime));
      cache.release();
      say({ [`profileOf${String(rows)}At${String(context)}`]: kernels });
    }
  }
  await runtime.release();
}

interface Stretch {
  readonly prefill: number;
  readonly decode: number;
}

async function runStretch(runtime: GpuRuntime, cache: Cache, sizes: Sizes): Promise<Stretch> {
  const ids = someIds(sizes.prefill, runtime);
  const begin = performance.now();
  let logits = new Float32Array(0);
  for (let done = 0; done < ids.length; done += runtime.maxRows) {
    const chunk = ids.subarray(done, done + runtime.maxRows);
    const isLast = done + runtime.maxRows >= ids.length;
    logits = new Float32Array(await runtime.forward(cache, chunk, { logits: isLast ? 'last' : 'none' }));
  }
  const between = performance.now();
  const sampling = { ...greedy, maxTokens: sizes.decode };
  await runtime.generate(cache, { sampling, logits, context: ids, stop: [], onToken: () => undefined });
  const end = performance.now();
  return {
    prefill: rounded((ids.length * 1000) / (between - begin)),
    decode: rounded((sizes.decode * 1000) / (end - between)),
  };
}

/** As if `context` tokens had been read under the plan `adapted`. */
function filled(runtime: GpuRuntime, context: number): Cache {
  const { heads, kvHeads, headDim, trainedLength } = runtime.hyperparameters;
  const cache = runtime.createCache(
    runtime.compile(preset('adapted', { heads, kvHeads, headDim, trainedLength })),
  );
  cache.fillSynthetic?.(context, 1);
  return cache;
}

function someIds(count: number, { hyperparameters }: GpuRuntime): Int32Array {
  return Int32Array.from(
    { length: count },
    (_, i) => (Math.imul(i + 1, 2654435761) >>> 7) % hyperparameters.vocabulary,
  );
}
