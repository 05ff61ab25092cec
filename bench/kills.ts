/**
 * kill -9 during `library add --read` (issue 3): the same book read undisturbed, and read by processes that are killed
 * ten times, at least five while reading and two inside a checkpoint. Required: it resumes, re-reads no more than one
 * checkpoint interval each, and ends with the checksum of the undisturbed run.
 *
 *   node boot.mjs run bench/kills.ts [--book FILE] [--characters 500000] [--kills 10] [--seed 1]
 *
 * Both runs go side by side, each with a data folder of its own. Result: bench/results/kills.json.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import Database from 'better-sqlite3';
import * as v from 'valibot';
import { benchModel, environment, writeResult } from './environment.ts';
import { mobyDick } from './texts.ts';

const testData = process.env['LONGLEAF_TEST_DATA'] ?? join(import.meta.dirname, '../../shared/data');

const { values } = parseArgs({
  options: {
    book: { type: 'string', default: join(testData, 'epub3-samples/moby-dick.epub') },
    /** only the beginning of Moby-Dick, as a text of so many characters */
    characters: { type: 'string' },
    kills: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
  },
});

const cli = join(import.meta.dirname, '../src/main/cli.ts');
const model = await benchModel();
const folder = mkdtempSync(join(tmpdir(), 'longleaf-kills-'));
const book = values.characters === undefined ? resolve(values.book) : await beginning(values.characters);

async function beginning(characters: string): Promise<string> {
  const file = join(folder, 'moby-dick.txt');
  writeFileSync(file, (await mobyDick()).slice(0, Number(characters)));
  return file;
}

/** What of `library add --json` is needed. */
const report = v.object({
  tokens: v.number(),
  state: v.object({
    tokens: v.number(),
    checksum: v.pipe(v.string(), v.minLength(1)),
    reusedTokens: v.number(),
    readTokens: v.number(),
    readSeconds: v.number(),
    bytes: v.number(),
  }),
});
type Report = v.InferOutput<typeof report>;

interface Kill {
  /** where it struck: by state.db, seen just before */
  readonly while: 'reading' | 'checkpoint';
  /** last complete checkpoint at that moment, in tokens */
  readonly stored: number;
}

/** Starts the reading; resolves when it ends (null = killed). */
function startReading(dataFolder: string): { kill: () => void; ended: Promise<Report | null> } {
  const args = [cli, 'library', 'add', 'book', book, '--read', '--json', '--data', dataFolder];
  const child = spawn(process.execPath, args, {
    env: { ...process.env, LONGLEAF_MODEL: model.path },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const ended = new Promise<Report | null>((done, fail) => {
    child.on('error', fail);
    child.on('close', (code, signal) => {
      if (signal === 'SIGKILL') done(null);
      else if (code === 0) done(v.parse(report, JSON.parse(output)));
      else fail(new Error(`library add ended with ${String(code)}: ${errors.slice(-500)}`));
    });
  });
  return { kill: () => child.kill('SIGKILL'), ended };
}

interface Stored {
  /** tokens of the last complete checkpoint; 0 = none */
  readonly position: number;
  /** a checkpoint is being written right now */
  readonly writing: boolean;
}

/** Looks into state.db from outside, without disturbing its writer. */
function look(dataFolder: string): Stored {
  try {
    const db = new Database(join(dataFolder, 'state.db'), { readonly: true, fileMustExist: true });
    try {
      const row = db
        .prepare(
          `SELECT coalesce(max(position) FILTER (WHERE header IS NOT NULL), 0) AS position,
                  count(*) FILTER (WHERE header IS NULL) AS writing FROM states`,
        )
        .get();
      const { position, writing } = v.parse(v.object({ position: v.number(), writing: v.number() }), row);
      return { position, writing: writing > 0 };
    } finally {
      db.close();
    }
  } catch {
    return { position: 0, writing: false }; // not made yet
  }
}

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** Multiplicative congruential generator (Park and Miller 1988): the moments of the kills can be repeated. */
function randoms(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

/**
 * Every third kill strikes while a checkpoint is being written. The others strike between two checkpoints: in turns
 * before anything new was saved, and after one more checkpoint was completed.
 */
async function killOnce(dataFolder: string, nth: number, random: number): Promise<Kill | Report> {
  const inCheckpoint = nth % 3 === 2;
  const before = look(dataFolder).position;
  const run = startReading(dataFolder);
  let report: Report | null | undefined;
  void run.ended.then((value) => (report = value));
  let due = nth % 3 === 0 ? performance.now() + 6_000 + random * 6_000 : Infinity;
  for (;;) {
    if (report) return report;
    const now = look(dataFolder);
    if (due === Infinity && now.position > before) due = performance.now() + 1_000 + random * 10_000;
    const strike = inCheckpoint ? now.writing : performance.now() >= due && !now.writing;
    if (strike) {
      if (inCheckpoint) await pause(20); // well inside
      run.kill();
      if ((await run.ended) !== null) throw new Error('The process ended before it was killed.');
      return { while: inCheckpoint ? 'checkpoint' : 'reading', stored: look(dataFolder).position };
    }
    await pause(5);
  }
}

async function disturbed(dataFolder: string): Promise<{ kills: Kill[]; resumed: number[]; report: Report }> {
  const random = randoms(Number(values.seed));
  const kills: Kill[] = [];
  const wanted = Number(values.kills);
  while (kills.length < wanted) {
    const outcome = await killOnce(dataFolder, kills.length, random());
    if (!('while' in outcome)) {
      throw new Error(`The book was read after ${String(kills.length)} kills: take a longer one.`);
    }
    kills.push(outcome);
    console.log(`kill ${String(kills.length)}: while ${outcome.while}, ${String(outcome.stored)} stored`);
  }
  const last = await startReading(dataFolder).ended;
  if (last === null) throw new Error('The last run was killed from outside.');
  const resumed = [...kills.map(({ stored }) => stored).slice(1), last.state.reusedTokens];
  return { kills, resumed, report: last };
}

try {
  const [undisturbed, killed] = await Promise.all([
    startReading(join(folder, 'undisturbed')).ended,
    disturbed(join(folder, 'killed')),
  ]);
  if (undisturbed === null) throw new Error('The undisturbed run was killed from outside.');
  const counts = {
    reading: killed.kills.filter((kill) => kill.while === 'reading').length,
    checkpoint: killed.kills.filter((kill) => kill.while === 'checkpoint').length,
  };
  // A kill never takes back what was stored: the next run starts at or after it.
  const neverBack = killed.kills.every((kill, i) => (killed.resumed[i] ?? 0) >= kill.stored);
  const result = {
    environment: environment(),
    book: book.split('/').at(-1),
    tokens: undisturbed.state.tokens,
    kills: killed.kills,
    counts,
    lastRunReused: killed.report.state.reusedTokens,
    neverBack,
    checksums: { undisturbed: undisturbed.state.checksum, killed: killed.report.state.checksum },
    equal: undisturbed.state.checksum === killed.report.state.checksum,
    undisturbedSeconds: undisturbed.state.readSeconds,
    stateBytes: undisturbed.state.bytes,
  };
  console.log(JSON.stringify(result, null, 2));
  writeResult('kills', result);
  if (!result.equal || !neverBack || counts.reading < 5 || counts.checkpoint < 2) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
