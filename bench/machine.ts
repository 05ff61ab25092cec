/** Where and with what a measurement was made; needs nothing but Node. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';

const packed = join(import.meta.dirname, '..', 'commit');

export interface Environment {
  /** commit of the code, with "+" when files differ from it */
  readonly commit: string;
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGB: number;
  readonly platform: string;
  readonly node: string;
}

export function environment(): Environment {
  const processors = cpus();
  return {
    commit: commit(),
    date: new Date().toISOString(),
    cpu: processors[0]?.model.trim() ?? process.arch,
    cores: processors.length,
    memoryGB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
  };
}

function commit(): string {
  // a pack says it (bench/pack-gpu.ts), wherever it was unpacked
  if (existsSync(packed)) return readFileSync(packed, 'utf8').trim();
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8', stdio: 'pipe' }).trim();
  try {
    return git('rev-parse', '--short=12', 'HEAD') + (git('status', '--porcelain', '-uno') === '' ? '' : '+');
  } catch {
    return 'unknown';
  }
}
