/** The kernels by themselves, for `bench profile`. */
import { openGguf } from '../../formats/index.ts';
import { geometryOf } from '../hyperparameters.ts';
import { loadPlan } from '../plan/presets.ts';
import type { Cache } from '../runtime.ts';
import { GpuRuntime } from './gpu-runtime.ts';
import type { KernelTime } from './profile.ts';

export interface KernelTimes {
  readonly device: string;
  readonly prefill: readonly KernelTime[];
  readonly decode: readonly KernelTime[];
}

export interface KernelTimesOptions {
  /** preset or file */
  readonly plan: string;
  /** tokens before the first one: noise stands for them */
  readonly position: number;
  /** of the chunk */
  readonly rows: number;
  /** part of the adapter's name */
  readonly device?: string | undefined;
}

/** @throws AppError 'unsupported' without an adapter that takes times */
export async function kernelTimes(path: string, options: KernelTimesOptions): Promise<KernelTimes> {
  const gguf = await openGguf(path);
  const { device, position } = options;
  const runtime = await GpuRuntime.open(gguf, device === undefined ? {} : { device });
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
    return { device: runtime.device, prefill: await profiled(rows), decode: await profiled(1) };
  } finally {
    await runtime.release();
  }
}
