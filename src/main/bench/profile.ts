import { cpus } from 'node:os';
import { AppError } from '../../shared/errors.ts';
import { cpuProfile } from '../engine/index.ts';
import { openGguf } from '../formats/index.ts';
import { rounded } from './statistics.ts';
import type { BenchRequest, BenchResult } from './types.ts';

type Profile = Awaited<ReturnType<typeof cpuProfile>>;
type Step = Profile['prefill']['steps'][number];

/**
 * Where the time of reading `tokens` (512) and of decoding after them goes, beside the peaks of one thread. A dense
 * step's time is its threads' mean, its rate is that of one thread.
 */
export async function benchProfile(request: BenchRequest): Promise<BenchResult> {
  if (request.backend === 'webgpu') return (await import('./gpu-profile.ts')).benchGpuProfile(request);
  if (request.backend !== 'cpu')
    throw new AppError('unsupported', 'The reference has no profile.', 'Use --backend cpu or webgpu.');
  const rows = request.tokens ?? 512;
  const gguf = await openGguf(request.model.path);
  try {
    const profile = await cpuProfile(gguf, request.plan ?? 'dense', { rows, tokens: 32 });
    const { peaks, prefill, decode } = profile;
    return {
      name: 'profile',
      backend: 'cpu',
      device: cpus()[0]?.model ?? process.arch,
      threads: Math.max(profile.threads.rows, profile.threads.columns),
      rowThreads: profile.threads.rows,
      columnThreads: profile.threads.columns,
      model: request.model.id,
      plan: profile.plan,
      variant: profile.variant,
      simd: profile.simd,
      contextTokens: rows,
      tokensPerSecond: rounded((rows * 1000) / prefill.ms),
      decodeTokensPerSecond: rounded((decode.tokens * 1000) / decode.ms),
      peaks: {
        int8Gops: rounded(peaks.dots / 1e9),
        f32Gflops: rounded(peaks.multiplyAdds / 1e9),
        readGigabytesPerSecond: rounded(peaks.read / 1e9),
      },
      prefill: prefill.steps.map((step) => ({
        ...shareOf(step, prefill.ms, profile.threads.rows),
        ...(step.operations > 0
          ? {
              gops: rounded(step.operations / step.seconds / 1e9),
              ofInt8Peak: rounded(step.operations / step.seconds / peaks.dots, 3),
            }
          : {}),
      })),
      decode: decode.steps.map((step) => ({
        ...shareOf(step, decode.ms, profile.threads.columns),
        ...(step.bytes > 0
          ? {
              gigabytesPerSecond: rounded(step.bytes / step.seconds / 1e9),
              ofReading: rounded(step.bytes / step.seconds / peaks.read, 3),
            }
          : {}),
      })),
      peakMemoryMB: rounded(process.resourceUsage().maxRSS / 1000),
    };
  } finally {
    await gguf.close();
  }
}

function shareOf(
  { step, seconds }: Step,
  wholeMs: number,
  threads: number,
): { step: string; ms: number; share: number } {
  // attention is timed by the clock
  const ms = (seconds * 1000) / (step === 'attention' ? 1 : threads);
  return { step, ms: rounded(ms, 2), share: rounded(ms / wholeMs, 3) };
}
