/** What a forward pass of the cpu backend spends its time on, beside what the processor could do. */
import { loadNative } from '../../../../native/index.ts';
import type { GgufFile } from '../../formats/index.ts';
import { geometryOf } from '../hyperparameters.ts';
import { loadPlan } from '../plan/presets.ts';
import type { Cache } from '../runtime.ts';
import { CpuRuntime } from './cpu-runtime.ts';
import type { Threads } from './machine-threads.ts';
import type { DensePeaks, DenseProfileStep } from './native-contract.ts';

export interface ForwardProfile {
  readonly variant: string;
  /** kernels of the dense part */
  readonly simd: string;
  readonly plan: string;
  readonly threads: Threads;
  /** of one thread, measured before the passes */
  readonly peaks: DensePeaks;
  /** `rows` rows from an empty cache */
  readonly prefill: {
    readonly rows: number;
    readonly ms: number;
    readonly steps: readonly DenseProfileStep[];
  };
  /** one row at a time after them */
  readonly decode: {
    readonly tokens: number;
    readonly ms: number;
    readonly steps: readonly DenseProfileStep[];
  };
}

/**
 * Profiles on the threads that a model would run on here, freshly measured (or LONGLEAF_THREADS). A dense step's time is
 * summed over the threads that worked on it, attention's is the clock's.
 * @param plan preset or path of a JSON file
 */
export async function profileForward(
  gguf: GgufFile,
  plan: string,
  { rows, tokens }: { readonly rows: number; readonly tokens: number },
): Promise<ForwardProfile> {
  const native = loadNative();
  const runtime = await CpuRuntime.open(gguf, { native, dataFolder: null });
  try {
    const chosen = loadPlan(plan, geometryOf(runtime.hyperparameters));
    const compiled = runtime.compile(chosen);
    const { vocabulary } = runtime.hyperparameters;
    const ids = Int32Array.from(
      { length: rows },
      (_, i) => (Math.imul(i + 1, 2654435761) >>> 8) % vocabulary,
    );
    const read = async (cache: Cache): Promise<void> => {
      for (let at = 0; at < rows; at += runtime.maxRows)
        await runtime.forward(cache, ids.subarray(at, at + runtime.maxRows), { logits: 'last' });
    };
    await read(runtime.createCache(compiled)); // page faults and caches
    const peaks = native.densePeaks(runtime.simd);
    const cache = runtime.createCache(compiled);
    const prefill = await profiled(runtime, () => read(cache));
    const decode = await profiled(runtime, async () => {
      for (let token = 0; token < tokens; token++)
        await runtime.forward(cache, ids.subarray(token, token + 1), { logits: 'last' });
    });
    return {
      variant: runtime.variant,
      simd: runtime.simd,
      plan: chosen.name,
      threads: runtime.chosenThreads,
      peaks,
      prefill: { rows, ...prefill },
      decode: { tokens, ...decode },
    };
  } finally {
    await runtime.release();
  }
}

async function profiled(
  runtime: CpuRuntime,
  work: () => Promise<void>,
): Promise<{ ms: number; steps: readonly DenseProfileStep[] }> {
  runtime.profile(true);
  const start = performance.now();
  await work();
  const ms = performance.now() - start;
  return { ms, steps: runtime.profile(false) };
}
