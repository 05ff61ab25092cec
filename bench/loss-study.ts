/**
 * Loss at length (issue 3, "The plans hold"): the same tokens of the same text, read with different plans from the
 * first token on. Each (text, plan) is one part: it is computed once, kept in a file, and found again by a later run.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startEngine } from '../src/main/engine/index.ts';
import type { AttentionPlan, Engine } from '../src/main/engine/index.ts';
import type { BenchModel } from '../src/main/bench/index.ts';

/** Tokens [from, from + count) whose loss is measured; what lies between stretches is only read. */
export interface Stretch {
  readonly from: number;
  readonly count: number;
}

export interface LossPart {
  /** names the file */
  readonly name: string;
  readonly plan: AttentionPlan;
  readonly ids: Int32Array;
  /** ascending, not overlapping */
  readonly stretches: readonly Stretch[];
}

export interface LossOfPart {
  readonly key: string;
  readonly variant: string;
  readonly tokensPerSecond: number;
  readonly peakMemoryMB: number;
  /** nat per token of each stretch, to 5 decimals */
  readonly losses: readonly (readonly number[])[];
}

export interface LossRun {
  readonly model: BenchModel;
  readonly backend: 'cpu' | 'reference';
  /** where parts are kept */
  readonly folder: string;
  readonly onProgress?: (name: string, done: number, total: number) => void;
}

/** Tokens read or scored by one call. */
const callTokens = 1024;

/** The losses of a part: from its file when the same was computed before, else computed and kept. */
export async function lossOfPart(part: LossPart, run: LossRun): Promise<LossOfPart> {
  const engine = await startEngine({
    modelPath: run.model.path,
    modelHash: run.model.hash,
    backend: run.backend,
    dataFolder: null,
    maxMemoryMB: 1,
    maxDiskGB: 1,
  });
  try {
    const key = keyOf(part, run.model.hash, engine);
    const file = join(run.folder, `${part.name}.json`);
    const kept = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as LossOfPart) : null;
    if (kept?.key === key) return kept;
    const computed = await compute(part, run, engine, key);
    mkdirSync(run.folder, { recursive: true });
    // A run that is killed here leaves the part undone, not half a file.
    writeFileSync(`${file}.new`, JSON.stringify(computed));
    renameSync(`${file}.new`, file);
    return computed;
  } finally {
    await engine.close();
  }
}

/** Everything that decides the numbers. */
function keyOf(part: LossPart, modelHash: string, engine: Engine): string {
  const { variant, numericsVersion } = engine.info;
  const described = [modelHash, part.plan, part.stretches, variant, numericsVersion, codeHashes()];
  const hash = createHash('sha256').update(JSON.stringify(described));
  return hash.update(new Uint8Array(part.ids.buffer, part.ids.byteOffset, part.ids.byteLength)).digest('hex');
}

/** Git's hashes of the code that computes: a part of an older engine is not mixed with those of a newer one. */
function codeHashes(): string {
  try {
    return execFileSync('git', ['rev-parse', 'HEAD:native/src', 'HEAD:src/main/engine'], {
      cwd: import.meta.dirname,
      encoding: 'utf8',
    });
  } catch {
    return '';
  }
}

async function compute(part: LossPart, run: LossRun, engine: Engine, key: string): Promise<LossOfPart> {
  const end = Math.max(...part.stretches.map(({ from, count }) => from + count));
  if (end > part.ids.length) throw new RangeError(`${part.name}: ${part.ids.length} tokens, ${end} needed`);
  const { state } = await engine.open({ plan: part.plan, ids: new Int32Array(0), useStored: false });
  const losses: number[][] = [];
  const start = performance.now();
  let position = 0;
  for (const { from, count } of part.stretches) {
    while (position < from) {
      const to = Math.min(from, position + callTokens);
      await engine.prefill(state, part.ids.subarray(position, to), { priority: 'chat' });
      position = to;
      run.onProgress?.(part.name, position, end);
    }
    const scored: number[] = [];
    while (position < from + count) {
      const to = Math.min(from + count, position + callTokens);
      const { logProbabilities } = await engine.score(state, part.ids.subarray(position, to), {
        priority: 'chat',
      });
      for (const value of logProbabilities) scored.push(Number((-value).toFixed(5)));
      position = to;
      run.onProgress?.(part.name, position, end);
    }
    losses.push(scored);
  }
  const memory = await engine.memory();
  return {
    key,
    variant: engine.info.variant,
    tokensPerSecond: Math.round(end / ((performance.now() - start) / 1000)),
    peakMemoryMB: Math.round(memory.peakResident / 1e6),
    losses,
  };
}
