/** The kernels by themselves, for `bench profile`. */
import { openGguf } from '../../formats/index.ts';
import { geometryOf } from '../hyperparameters.ts';
import { loadPlan } from '../plan/presets.ts';
import type { Cache } from '../runtime.ts';
import type { CardOptions } from './environment-options.ts';
import { GpuRuntime } from './gpu-runtime.ts';
import type { Arithmetic } from './kernels/index.ts';
import type { KernelTime } from './profile.ts';

export interface KernelTimes {
  readonly device: string;
  /** lanes of the subgroups that sums and maxima go through; null: through workgroup memory */
  readonly subgroupSize: number | null;
  readonly arithmetic: Arithmetic;
  readonly prefill: readonly KernelTime[];
  readonly decode: readonly KernelTime[];
}

export interface KernelTimesOptions extends CardOptions {
  /** preset or file */
  readonly plan: string;
  /** tokens before the first one: noise stands for them */
  readonly position: number;
  /** of the chunk */
  readonly rows: number;
}

/** @throws AppError 'unsupported' without an adapter that takes times */
export async function kernelTimes(path: string, options: KernelTimesOptions): Promise<KernelTimes> {
  const gguf = await openGguf(path);
  const { position } = options;
  const runtime = await GpuRuntime.open(gguf, options);
  await gguf.close();
  try {
    const plan = loadPlan(options.plan, geometryOf(runtime.hyperparameters));
    const rows = Math.min(options.rows, runtime.maxRows);
    const filled = (): Cache => {
      const cache = runtime.createCache(runtime.compile(plan));
      cache.fillSynthetic?.(position, 1);
      return cache;
    };
    const profiled = async (count: number): Promise<readonly KernelTime[]> => {
      const cache = filled();
      const ids = new Int32Array(count);
      await runtime.profile(cache, ids); // compiles, and warms up
      const times = await runtime.profile(cache, ids);
      cache.release();
      return times;
    };
    const { device, subgroupSize, arithmetic } = runtime;
    return {
      ...{ device, subgroupSize, arithmetic },
      prefill: await profiled(rows),
      decode: await profiled(1),
    };
  } finally {
    await runtime.release();
  }
}
