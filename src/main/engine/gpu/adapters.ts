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
  /** bytes of the largest buffer that a kernel sees */
  readonly largestBinding: number;
}

export interface AdapterList {
  readonly adapters: readonly AdapterReport[];
  /** why there are none, with the remedy; null where there are some */
  readonly problem: string | null;
}

/** A driver that has not answered by then hangs. Milliseconds. */
const TIME_LIMIT = 20_000;

/** Asks in a process of its own, which a faulty driver may take down or hang: never fails. */
export async function listAdapters(): Promise<AdapterList> {
  const script = fileURLToPath(new URL('adapters/process.ts', import.meta.url));
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [script], { timeout: TIME_LIMIT });
    return JSON.parse(stdout) as AdapterList;
  } catch {
    return {
      adapters: [],
      problem:
        'The graphics driver fails when it is asked for its adapters. Update it, or use --backend cpu.',
    };
  }
}
