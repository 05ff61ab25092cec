/** The graphics adapters of this machine, for `doctor` and the hardware page. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export interface AdapterReport {
  readonly name: string;
  readonly driver: string;
  /** computes on the processor: for tests */
  readonly software: boolean;
  /** of those that kernels may use: 16-bit arithmetic, subgroups, matrix units, timestamps */
  readonly features: readonly string[];
  /** lanes of its subgroups, where they are all of one size: sums and maxima go through them; else null */
  readonly subgroupSize: number | null;
  /** bytes of the largest buffer that a kernel sees */
  readonly largestBinding: number;
}

export interface AdapterList {
  readonly adapters: readonly AdapterReport[];
  /** why there are none, with the remedy; null where there are some */
  readonly problem: string | null;
}

export interface AutoChoice {
  readonly backend: 'cpu' | 'webgpu';
  readonly reason: string;
}

/** A driver that has not answered by then hangs. Milliseconds. */
const TIME_LIMIT = 20_000;
/** The same with a test of an adapter: kernels are compiled. */
const TEST_LIMIT = 60_000;

/** Asks in a process of its own, which a faulty driver may take down or hang: never fails. */
export async function listAdapters(): Promise<AdapterList> {
  const found = await ask<AdapterList>(new URL('adapters/process.ts', import.meta.url), [], TIME_LIMIT);
  const problem =
    'The graphics driver fails when it is asked for its adapters. Update it, or use --backend cpu.';
  return found ?? { adapters: [], problem };
}

/**
 * What `--backend auto` takes here, whatever the model: one that finds no room on the card is computed by the processor
 * all the same. An adapter that was never tested is tested now. Never fails.
 */
export async function autoChoice(dataFolder: string): Promise<AutoChoice> {
  const script = new URL('adapters/auto-process.ts', import.meta.url);
  const found = await ask<AutoChoice>(script, [dataFolder], TEST_LIMIT);
  return found ?? { backend: 'cpu', reason: 'the graphics driver fails when it is tested' };
}

/** @returns null when the process fails or hangs */
async function ask<T>(script: URL, args: readonly string[], timeout: number): Promise<T | null> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(script), ...args], {
      timeout,
    });
    return JSON.parse(stdout) as T;
  } catch {
    return null;
  }
}
