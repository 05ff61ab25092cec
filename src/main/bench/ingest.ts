/**
 * What it costs to take files in: `library add` (indexed only) and a second look at the same files in a program and a
 * data folder of their own; scan and extraction alone, on one worker; and what merely reading the bytes takes. Speeds
 * are per second of processor time, all threads together: they hold on a machine that others use, too.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as v from 'valibot';
import { AppError } from '../../shared/errors.ts';
import { createIngest, type FileFormat } from '../ingest/index.ts';
import { rounded } from './statistics.ts';
import type { BenchRequest, BenchResult } from './types.ts';

const report = v.looseObject({
  files: v.array(v.object({ outcome: v.string(), bytes: v.number() })),
  counts: v.record(v.string(), v.number()),
  tokens: v.number(),
  seconds: v.number(),
  cpuSeconds: v.number(),
  peakMemoryMB: v.number(),
});
type Report = v.InferOutput<typeof report>;

/** as `ingest.maxFileMB` has it, unless told */
const MAX_FILE_BYTES = 256 * 2 ** 20;
/** files that are extracted at once: one in the worker, others on their way */
const AT_ONCE = 64;

export async function benchIngest(request: BenchRequest): Promise<BenchResult> {
  const { paths = [], model, signal } = request;
  if (paths.length === 0)
    throw new AppError('usage', 'bench ingest needs something to add.', 'Name files or folders.');
  const folder = await mkdtemp(join(tmpdir(), 'longleaf-bench-'));
  try {
    const library = (...what: string[]): Promise<Report> =>
      runLibrary([...what, '--json', '--data', folder, '--model', model.path], signal);
    const start = performance.now();
    const added = await library('add', 'bench', ...paths, '--no-read');
    // the program's start and end included
    const wallSeconds = rounded((performance.now() - start) / 1000, 2);
    const again = await library('update', 'bench');
    const extraction = await extractAll(paths, () => true, signal);
    const plain = await extractAll(paths, (kind) => kind === 'text', signal);
    const read = added.files.filter(({ outcome }) => outcome === 'read' || outcome === 'partly');
    const megabytes = read.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6;
    return {
      name: 'ingest',
      backend: request.backend,
      device: cpus()[0]?.model ?? process.arch,
      threads: 1,
      model: model.id,
      plan: 'none',
      contextTokens: added.tokens,
      tokensPerSecond: rounded(added.tokens / added.seconds),
      peakMemoryMB: Math.round(added.peakMemoryMB),
      files: added.files.length,
      megabytes: rounded(megabytes),
      counts: added.counts,
      add: {
        seconds: rounded(added.seconds, 2),
        wallSeconds,
        cpuSeconds: rounded(added.cpuSeconds, 2),
        filesPerSecond: rounded(added.files.length / added.seconds),
        megabytesPerSecond: rounded(megabytes / added.seconds, 2),
        megabytesPerCpuSecond: rounded(megabytes / added.cpuSeconds, 2),
      },
      again: {
        seconds: rounded(again.seconds, 2),
        cpuSeconds: rounded(again.cpuSeconds, 2),
        peakMemoryMB: Math.round(again.peakMemoryMB),
      },
      scanAndExtract: extraction.figures,
      plainText: plain.figures,
      rawRead: readAll(extraction.paths),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runLibrary(args: readonly string[], signal: AbortSignal | undefined): Promise<Report> {
  const program = fileURLToPath(new URL('../cli.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, 'library', ...args], {
    maxBuffer: 2 ** 29,
    ...(signal === undefined ? {} : { signal }),
  });
  return v.parse(report, JSON.parse(stdout.trim().split('\n').at(-1) ?? 'null'));
}

interface Extraction {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly megabytes: number;
  readonly megabytesPerCpuSecond: number;
}

/** Scan, extraction and passages with one worker, of the files that are wanted by their format. */
async function extractAll(
  roots: readonly string[],
  isWanted: (kind: FileFormat | null) => boolean,
  signal: AbortSignal | undefined,
): Promise<{ readonly figures: Extraction; readonly paths: readonly string[] }> {
  const ingest = createIngest({ workers: 1 });
  const [start, before] = [performance.now(), process.cpuUsage()];
  const files = new Set<string>();
  const under = new Set<Promise<void>>();
  let bytes = 0;
  try {
    const options = { maxFileBytes: MAX_FILE_BYTES, ...(signal === undefined ? {} : { signal }) };
    for await (const entry of ingest.scan(roots, options)) {
      if (entry.outcome !== null || !isWanted(entry.kind)) continue;
      files.add(entry.member?.archive ?? entry.absolutePath);
      const work = ingest.extract(entry, signal).then(
        () => void (bytes += entry.bytes),
        // a file that is refused is counted by `library add`
        () => undefined,
      );
      under.add(work);
      void work.finally(() => under.delete(work));
      if (under.size >= AT_ONCE) await Promise.race(under);
    }
    await Promise.all(under);
  } finally {
    await ingest.close();
  }
  signal?.throwIfAborted();
  const { user, system } = process.cpuUsage(before);
  const cpuSeconds = (user + system) / 1e6;
  const figures: Extraction = {
    seconds: rounded((performance.now() - start) / 1000, 2),
    cpuSeconds: rounded(cpuSeconds, 2),
    megabytes: rounded(bytes / 1e6),
    megabytesPerCpuSecond: rounded(bytes / 1e6 / cpuSeconds, 1),
  };
  return { figures, paths: [...files] };
}

/** The same files, byte by byte and nothing else; they were read a moment ago, so mostly from the system's file cache. */
function readAll(paths: readonly string[]): object {
  const [start, before] = [performance.now(), process.cpuUsage()];
  let bytes = 0;
  for (const path of paths) bytes += readFileSync(path).length;
  const { user, system } = process.cpuUsage(before);
  return {
    seconds: rounded((performance.now() - start) / 1000, 2),
    cpuSeconds: rounded((user + system) / 1e6, 2),
    megabytesPerCpuSecond: rounded(bytes / (user + system)),
  };
}
