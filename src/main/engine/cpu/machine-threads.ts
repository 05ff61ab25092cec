/**
 * How many threads are quickest on this machine: measured once on the model itself, for many rows and for one, and kept
 * in the data folder; a choice made while others used the processors is made again later. Results do not depend on it.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { AppError } from '../../../shared/errors.ts';
import type { Hyperparameters } from '../runtime.ts';
import type { NativeDense } from './native-contract.ts';
import { createWorkspace } from './workspace.ts';

export interface Threads {
  /** for many rows: each thread takes its own */
  readonly rows: number;
  /** for one row: threads share the columns */
  readonly columns: number;
}

const FILE = 'threads.json';
const MOST = 64;

/** More threads must win this much, or their cores are better left to others. */
const WORTH = 1.08;

/** Share of the processors that others may have had while it was measured, or the choice holds for a while only. */
const QUIET = 0.15;
const BUSY_CHOICE_HOLDS_MS = 10 * 60_000;

/** Layers that are measured: small models more, so that a step is longer than the clock's noise. */
const MEASURED_WEIGHTS = 60e6;

const threadsSchema = v.object({
  rows: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MOST)),
  columns: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MOST)),
});
const keptSchema = v.object({
  ...threadsSchema.entries,
  /** of all processors' time, by other processes */
  othersShare: v.number(),
  /** Date.now() */
  measuredAt: v.number(),
});
type Kept = v.InferOutput<typeof keptSchema>;
const fileSchema = v.record(v.string(), keptSchema);

/**
 * LONGLEAF_THREADS ("4", or "4,2" for rows and columns), else what was measured before, else a measurement of a few
 * hundred milliseconds.
 * @param folder where it is kept; null: nowhere, it is measured each time; undefined: one thread
 * @throws AppError 'usage' when LONGLEAF_THREADS says something else
 */
export function machineThreads(
  dense: NativeDense,
  hyperparameters: Hyperparameters,
  folder: string | null | undefined,
): Threads {
  const forced = process.env['LONGLEAF_THREADS'];
  if (forced !== undefined && forced !== '') return parseThreads(forced);
  if (folder === undefined) return { rows: 1, columns: 1 };
  if (folder === null) return measureThreads(dense, hyperparameters);
  const file = join(folder, FILE);
  const known = readKnown(file);
  const key = keyOf(dense, hyperparameters);
  const found = known[key];
  if (found !== undefined && holds(found)) return found;
  const othersShare = shareOfOthers();
  const measured = measureThreads(dense, hyperparameters);
  keep(file, { ...known, [key]: { ...measured, othersShare: othersShare(), measuredAt: Date.now() } });
  return measured;
}

/** What was chosen while others had the processors says little about the next hour. */
function holds({ othersShare, measuredAt }: Kept): boolean {
  const age = Date.now() - measuredAt;
  return othersShare <= QUIET || (age >= 0 && age < BUSY_CHOICE_HOLDS_MS);
}

/** From now until the result is called: the share of all processors' time that other processes had. */
function shareOfOthers(): () => number {
  const now = (): { all: number; busy: number } => {
    let all = 0;
    let busy = 0;
    for (const { times } of cpus()) {
      const working = times.user + times.nice + times.sys + times.irq;
      busy += working;
      all += working + times.idle;
    }
    return { all, busy };
  };
  const start = now();
  const own = process.cpuUsage();
  return () => {
    const end = now();
    const { user, system } = process.cpuUsage(own);
    const others = end.busy - start.busy - (user + system) / 1000;
    return end.all > start.all ? Math.min(1, Math.max(0, others / (end.all - start.all))) : 0;
  };
}

function parseThreads(text: string): Threads {
  const [rows, columns = rows] = text.split(',').map((part) => Number(part.trim()));
  const parsed = v.safeParse(threadsSchema, { rows, columns });
  if (parsed.success && text.split(',').length <= 2) return parsed.output;
  throw new AppError(
    'usage',
    `LONGLEAF_THREADS is ${JSON.stringify(text)}.`,
    `Set it to a number of threads from 1 to ${String(MOST)}, or to two: "4,2" reads on 4 and answers on 2.`,
  );
}

/** Another processor, other kernels or a model of another size are measured again. */
function keyOf(dense: NativeDense, { embedding, feedForward, layers }: Hyperparameters): string {
  const processors = cpus();
  const model = processors[0]?.model.trim() ?? process.arch;
  return `${model} x${String(processors.length)}, ${dense.simd}, ${[layers, embedding, feedForward].join(' x ')}`;
}

/** A file that is not there or not ours counts as empty: it is only a measurement. */
function readKnown(file: string): Readonly<Record<string, Kept>> {
  try {
    const parsed = v.safeParse(fileSchema, JSON.parse(readFileSync(file, 'utf8')));
    return parsed.success ? parsed.output : {};
  } catch {
    return {};
  }
}

/** Not being able to write costs the next start a measurement. */
function keep(file: string, known: Readonly<Record<string, Kept>>): void {
  try {
    const temporary = `${file}.${String(process.pid)}`;
    writeFileSync(temporary, `${JSON.stringify(known, null, 2)}\n`);
    renameSync(temporary, file);
  } catch {
    // measured again next time
  }
}

/** 1, 2, 4 … and all processors. */
function candidates(): readonly number[] {
  const most = Math.min(MOST, cpus().length);
  const counts = [1];
  while (counts[counts.length - 1] * 2 < most) counts.push(counts[counts.length - 1] * 2);
  return most > 1 ? [...counts, most] : counts;
}

function measureThreads(dense: NativeDense, hyperparameters: Hyperparameters): Threads {
  const { embedding, feedForward, layers } = hyperparameters;
  const layerWeights = embedding * (3 * feedForward + 4 * embedding);
  const measured = Math.max(1, Math.min(layers - 1, Math.round(MEASURED_WEIGHTS / layerWeights)));
  const most = Math.max(...candidates());
  const rows = Math.min(512, 64 * most);
  const { residual, qkv, attention } = createWorkspace(hyperparameters, rows);
  const time = (count: number, layerCount: number): number => {
    residual.fill(1);
    attention.fill(1);
    const start = performance.now();
    // a model of one layer has no joint: its first projection stands for it
    if (layers === 1) dense.entry(count, residual, qkv);
    for (let layer = 0; layer < Math.min(layerCount, layers - 1); layer++)
      dense.joint(layer, count, attention, residual, qkv);
    return performance.now() - start;
  };
  return {
    rows: quickest((threads) => {
      dense.setThreads(threads, 1);
      return time(rows, Math.max(1, Math.round(measured / 8)));
    }),
    columns: quickest((threads) => {
      dense.setThreads(1, threads);
      return time(1, measured);
    }),
  };
}

/** The best of four turns of each, in turns: so that all see the same machine. The first turn warms up. */
function quickest(time: (threads: number) => number): number {
  const counts = candidates();
  const best = new Map<number, number>(counts.map((count) => [count, Infinity]));
  for (let turn = 0; turn < 5; turn++)
    for (const count of counts) {
      const ms = time(count);
      if (turn > 0) best.set(count, Math.min(best.get(count) ?? Infinity, ms));
    }
  return counts.reduce((chosen, count) =>
    (best.get(chosen) ?? Infinity) > (best.get(count) ?? Infinity) * WORTH ? count : chosen,
  );
}
