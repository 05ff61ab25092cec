/** `library add` in processes that are killed at random moments, until one of them ends by itself. */
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v from 'valibot';
import { fingerprint, filesBelow, type Fingerprint } from './fingerprint.ts';

const cli = join(import.meta.dirname, '../../src/main/cli.ts');

export interface Task {
  /** what is added */
  readonly files: string;
  /** path of the model, for its tokenizer */
  readonly model: string;
  /** holds the data folder of each run, and its own folder for temporary files */
  readonly folder: string;
}

const reportSchema = v.object({ tokens: v.number(), counts: v.record(v.string(), v.number()) });
type Report = v.InferOutput<typeof reportSchema>;

export interface Ended {
  readonly report: Report;
  readonly content: Fingerprint;
  /** below the data folder and below the folder for temporary files */
  readonly left: readonly string[];
}

export interface Disturbed extends Ended {
  /** seconds after its start at which each process was killed */
  readonly killedAfter: readonly number[];
  /** documents that were stored by then: never fewer than before */
  readonly storedAt: readonly number[];
  /** integrity of the database as each kill left it */
  readonly integrity: readonly string[];
}

/** One process from start to end. @returns null: it was killed. @throws Error where it fails */
async function addOnce(task: Task, name: string, killAfter: number): Promise<Report | null> {
  const temporary = join(task.folder, name, 'tmp');
  mkdirSync(temporary, { recursive: true });
  const args = [cli, 'library', 'add', 'mixed', task.files, '--no-read', '--json'];
  const child = spawn(process.execPath, [...args, '--data', join(task.folder, name, 'data')], {
    env: { ...process.env, LONGLEAF_MODEL: task.model, TMPDIR: temporary, TEMP: temporary },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const timer = Number.isFinite(killAfter)
    ? setTimeout(() => child.kill('SIGKILL'), killAfter * 1000)
    : undefined;
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((done, fail) => {
    child.on('error', fail);
    child.on('close', (...end) => done(end));
  });
  clearTimeout(timer);
  if (signal === 'SIGKILL') return null;
  if (code !== 0) throw new Error(`library add ended with ${String(code)}: ${errors.slice(-800)}`);
  return v.parse(reportSchema, JSON.parse(output));
}

function ended(task: Task, name: string, report: Report): Ended {
  const folder = join(task.folder, name);
  return { report, content: fingerprint(join(folder, 'data')), left: filesBelow(folder) };
}

export async function undisturbed(task: Task, name: string): Promise<Ended & { readonly seconds: number }> {
  const start = performance.now();
  const report = await addOnce(task, name, Infinity);
  if (report === null) throw new Error('The undisturbed run was killed from outside.');
  return { ...ended(task, name, report), seconds: (performance.now() - start) / 1000 };
}

/**
 * Kills until a process ends by itself, or until `most` have been killed: then the next one is left alone.
 * @param delay seconds until the next kill
 */
export async function disturbed(
  task: Task,
  name: string,
  most: number,
  delay: () => number,
): Promise<Disturbed> {
  const killedAfter: number[] = [];
  const storedAt: number[] = [];
  const integrity: string[] = [];
  for (;;) {
    const after = killedAfter.length < most ? delay() : Infinity;
    const report = await addOnce(task, name, after);
    if (report !== null) return { ...ended(task, name, report), killedAfter, storedAt, integrity };
    killedAfter.push(after);
    await sleep(20); // the killed process's children notice that it is gone
    const now = afterKill(join(task.folder, name));
    storedAt.push(now.stored);
    integrity.push(now.integrity);
  }
}

/**
 * Looks at a copy: opened in its place, the database would be mended before the program does so itself.
 * A process may have been killed before it made one.
 */
function afterKill(folder: string): { stored: number; integrity: string } {
  const database = join(folder, 'data', 'longleaf.db');
  if (!existsSync(database)) return { stored: 0, integrity: 'ok' };
  const copy = join(folder, 'copy');
  mkdirSync(copy);
  try {
    for (const suffix of ['', '-wal'])
      if (existsSync(database + suffix)) copyFileSync(database + suffix, join(copy, `longleaf.db${suffix}`));
    const { rows, integrity } = fingerprint(copy);
    return { stored: rows['documents'] ?? 0, integrity };
  } catch (error) {
    // killed before the first migration was committed: a database without tables
    return { stored: 0, integrity: /no such table/.test(String(error)) ? 'ok' : String(error) };
  } finally {
    rmSync(copy, { recursive: true });
  }
}

/** Multiplicative congruential generator (Park and Miller 1988): the moments of the kills can be repeated. */
export function randoms(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}
