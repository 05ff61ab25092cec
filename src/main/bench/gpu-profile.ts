import { gpuKernelTimes } from '../engine/index.ts';
import { rounded } from './statistics.ts';
import type { BenchRequest, BenchResult } from './types.ts';

/**
 * `bench profile --backend webgpu`: the times of the graphics kernels for one chunk of `tokens` (512) after `context`
 * (16k) tokens, and for one token; by timestamps around each kernel, in this process.
 */
export async function benchGpuProfile(request: BenchRequest): Promise<BenchResult> {
  const position = request.context ?? 16 * 1024;
  const rows = request.tokens ?? 512;
  const plan = request.plan ?? 'adapted';
  const { device, subgroupSize, arithmetic, prefill, decode } = await gpuKernelTimes(request.model.path, {
    plan,
    position,
    rows,
  });
  const ms = prefill.reduce((sum, one) => sum + one.ms, 0);
  return {
    ...{ name: 'profile', backend: 'webgpu', device, threads: 0, model: request.model.id, plan },
    ...{ arithmetic, subgroupSize },
    contextTokens: position,
    // of kernels alone, one after another
    tokensPerSecond: ms === 0 ? null : rounded((rows * 1000) / ms),
    peakMemoryMB: rounded(process.resourceUsage().maxRSS / 1000),
    prefill: { rows, kernels: prefill },
    decode: { rows: 1, kernels: decode },
  };
}
