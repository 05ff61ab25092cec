import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as v from 'valibot';
import { AppError } from '../../shared/errors.ts';
import { rounded } from './statistics.ts';
import type { BenchRequest, BenchResult } from './types.ts';

const added = v.looseObject({ tokens: v.number(), seconds: v.number(), peakMemoryMB: v.number() });

/** `library add` of the given paths in a program and a data folder of their own, indexed only. */
export async function benchIngest(request: BenchRequest): Promise<BenchResult> {
  const { paths = [], model, signal } = request;
  if (paths.length === 0)
    throw new AppError('usage', 'bench ingest needs something to add.', 'Name files or folders.');
  const folder = await mkdtemp(join(tmpdir(), 'longleaf-bench-'));
  try {
    const program = fileURLToPath(new URL('../cli.ts', import.meta.url));
    const options = ['--no-read', '--json', '--data', folder, '--model', model.path];
    const start = performance.now();
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [program, 'library', 'add', 'bench', ...paths, ...options],
      { maxBuffer: 2 ** 28, ...(signal === undefined ? {} : { signal }) },
    );
    const wall = (performance.now() - start) / 1000;
    const result = v.parse(added, JSON.parse(stdout.trim().split('\n').at(-1) ?? 'null'));
    return {
      name: 'ingest',
      backend: request.backend,
      device: cpus()[0]?.model ?? process.arch,
      threads: 1,
      model: model.id,
      plan: 'none',
      contextTokens: result.tokens,
      tokensPerSecond: rounded(result.tokens / result.seconds),
      peakMemoryMB: result.peakMemoryMB,
      seconds: result.seconds,
      // the program's start and end included
      wallSeconds: rounded(wall, 2),
      counts: result['counts'],
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
