/** What the environment says about the graphics card. */
import { AppError } from '../../../shared/errors.ts';
import type { GpuRuntimeOptions } from './gpu-runtime.ts';
import type { KvBits } from './kernels/index.ts';

/**
 * LONGLEAF_GPU: part of the adapter's name; LONGLEAF_GPU_KV: bits of keys and values; LONGLEAF_GPU_MEMORY_MB: what may
 * be taken of its memory.
 * @throws AppError 'usage' for a value that means nothing
 */
export function environmentOptions(
  env: Readonly<Record<string, string | undefined>>,
): Pick<GpuRuntimeOptions, 'device' | 'kvBits' | 'memoryLimit'> {
  const device = env['LONGLEAF_GPU'];
  const kv = env['LONGLEAF_GPU_KV'];
  const memory = env['LONGLEAF_GPU_MEMORY_MB'];
  return {
    ...(device === undefined || device === '' ? {} : { device }),
    ...(kv === undefined ? {} : { kvBits: kvBitsOf(kv) }),
    ...(memory === undefined ? {} : { memoryLimit: megabytesOf(memory) }),
  };
}

function kvBitsOf(text: string): KvBits {
  if (text === '8' || text === '16') return text === '8' ? 8 : 16;
  throw new AppError('usage', `LONGLEAF_GPU_KV is ${JSON.stringify(text)}.`, 'Set it to 8 or 16.');
}

function megabytesOf(text: string): number {
  const megabytes = Number(text);
  if (Number.isFinite(megabytes) && megabytes > 0) return megabytes * 1e6;
  throw new AppError(
    'usage',
    `LONGLEAF_GPU_MEMORY_MB is ${JSON.stringify(text)}.`,
    'Set it to a number of megabytes.',
  );
}
