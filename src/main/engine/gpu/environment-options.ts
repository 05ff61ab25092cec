/** What the environment says about the graphics card. */
import { AppError } from '../../../shared/errors.ts';
import type { GpuRuntimeOptions } from './gpu-runtime.ts';
import type { Arithmetic, KvBits } from './kernels/index.ts';
import { arithmetics } from './kernels/index.ts';

/** What a user may say about the card. */
export type CardOptions = Pick<
  GpuRuntimeOptions,
  'device' | 'kvBits' | 'memoryLimit' | 'arithmetic' | 'subgroups'
>;

/**
 * LONGLEAF_GPU: part of the adapter's name, or several with commas; LONGLEAF_GPU_KV: bits of keys and values; LONGLEAF_GPU_MEMORY_MB: what may
 * be taken of its memory; LONGLEAF_GPU_ARITHMETIC: of products, instead of what the adapter's test found;
 * LONGLEAF_GPU_SUBGROUPS: 0 = without them, to compare.
 * @throws AppError 'usage' for a value that means nothing
 */
export function environmentOptions(env: Readonly<Record<string, string | undefined>>): CardOptions {
  const device = env['LONGLEAF_GPU'];
  const kv = env['LONGLEAF_GPU_KV'];
  const memory = env['LONGLEAF_GPU_MEMORY_MB'];
  const arithmetic = env['LONGLEAF_GPU_ARITHMETIC'];
  const subgroups = env['LONGLEAF_GPU_SUBGROUPS'];
  return {
    ...(device === undefined || device === '' ? {} : { device }),
    ...(kv === undefined ? {} : { kvBits: kvBitsOf(kv) }),
    ...(memory === undefined ? {} : { memoryLimit: megabytesOf(memory) }),
    ...(arithmetic === undefined ? {} : { arithmetic: arithmeticOf(arithmetic) }),
    ...(subgroups === undefined ? {} : { subgroups: isOn(subgroups) }),
  };
}

/**
 * The devices of a list as a user writes it, "A,B"; none for undefined.
 * @throws AppError 'usage' for a list with a gap
 */
export function deviceNames(list: string | undefined): readonly string[] {
  const names = list?.split(',').map((name) => name.trim()) ?? [];
  if (!names.includes('')) return names;
  throw new AppError(
    'usage',
    `${JSON.stringify(list)} is no list of devices.`,
    'Give names with commas between them, as NAME#1,NAME#2.',
  );
}

function kvBitsOf(text: string): KvBits {
  if (text === '8' || text === '16') return text === '8' ? 8 : 16;
  throw new AppError('usage', `LONGLEAF_GPU_KV is ${JSON.stringify(text)}.`, 'Set it to 8 or 16.');
}

function arithmeticOf(text: string): Arithmetic {
  const known = arithmetics.find((one) => one === text);
  if (known !== undefined) return known;
  throw new AppError(
    'usage',
    `LONGLEAF_GPU_ARITHMETIC is ${JSON.stringify(text)}.`,
    'Set it to f32, int8, f16 or matrix.',
  );
}

function isOn(text: string): boolean {
  if (text === '0' || text === '1') return text === '1';
  throw new AppError('usage', `LONGLEAF_GPU_SUBGROUPS is ${JSON.stringify(text)}.`, 'Set it to 0 or 1.');
}

/** Seconds that a driver may take until its adapter is open and tested: LONGLEAF_GPU_SECONDS, else two minutes. */
export function driverSeconds(env: Readonly<Record<string, string | undefined>>): number {
  const text = env['LONGLEAF_GPU_SECONDS'];
  if (text === undefined) return 120;
  const seconds = Number(text);
  if (Number.isFinite(seconds) && seconds > 0) return seconds;
  throw new AppError(
    'usage',
    `LONGLEAF_GPU_SECONDS is ${JSON.stringify(text)}.`,
    'Set it to a number of seconds.',
  );
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
