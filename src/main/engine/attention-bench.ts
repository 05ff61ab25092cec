/** The attention kernels by themselves, for `bench attention`. Loads the code of the backend that is asked for. */
import type { AttentionMeasurement, AttentionSpeed, MachinePeak } from './cpu/attention-roofline.ts';
import { readAttentionVectors } from './attention-vectors.ts';
import type { BackendName } from './engine.ts';
import type { CardOptions } from './gpu/environment-options.ts';
import { environmentOptions } from './gpu/environment-options.ts';
import type { KernelTimes, KernelTimesOptions } from './gpu/kernel-times.ts';
import type { CompiledPlan } from './plan/types.ts';
import type { VectorErrors } from './reference/vectors.ts';

export type { AttentionSpeed, MachinePeak, VectorErrors };

/**
 * Each case of `directory`/cases.json that the backend can run: `reference` all, `cpu` the causal ones.
 * @throws AppError 'not-found' | 'invalid-input' for the folder
 */
export async function attentionVectorErrors(
  backend: Exclude<BackendName, 'webgpu'>,
  directory: string,
): Promise<{ readonly errors: readonly VectorErrors[]; readonly skipped: readonly string[] }> {
  const vectors = await readAttentionVectors(directory);
  const compare =
    backend === 'reference'
      ? (await import('./reference/vectors.ts')).compareWithVector
      : (await import('./cpu/vectors.ts')).compareNativeWithVector;
  const results = vectors.map((vector) => ({ name: vector.name, errors: compare(vector) }));
  return {
    errors: results.flatMap(({ errors }) => (errors === null ? [] : [errors])),
    skipped: results.filter(({ errors }) => errors === null).map(({ name }) => name),
  };
}

/** Speed of the cpu backend's kernel; see `attentionSpeed` in cpu/attention-roofline.ts. */
export async function cpuAttentionSpeed(
  compiled: CompiledPlan,
  measurement: AttentionMeasurement,
): Promise<AttentionSpeed> {
  const { attentionSpeed } = await import('./cpu/attention-roofline.ts');
  return attentionSpeed(compiled, measurement);
}

/** What this machine can do at most, measured now. */
export async function cpuPeak(threads: number): Promise<MachinePeak> {
  const { machinePeak } = await import('./cpu/attention-roofline.ts');
  return machinePeak(threads);
}

/** Times of the webgpu backend's kernels, on the card and as the environment says. See gpu/kernel-times.ts. */
export async function gpuKernelTimes(
  path: string,
  options: Omit<KernelTimesOptions, keyof CardOptions>,
): Promise<KernelTimes> {
  const { kernelTimes } = await import('./gpu/kernel-times.ts');
  return kernelTimes(path, { ...options, ...environmentOptions(process.env) });
}
