/**
 * A library that is as it was, looked at again (issue 5): `library update` several times, nothing to do; the first time
 * with an empty file cache where that can be emptied (Linux, as root).
 *
 *   longleaf library add NAME FOLDER --no-read --data DATA
 *   node boot.mjs run bench/second-scan.ts NAME --data DATA [--times 4] [--save]
 *
 * With --save the figures stand in bench/results/ingest.json, beside those of the same number of files.
 */
import { execFile, execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import * as v from 'valibot';
import { benchModel, environment, readResult, writeResult } from './environment.ts';
import type { SecondScan } from './ingest/table.ts';
import { middle } from './peers/table.ts';

const { values, positionals } = parseArgs({
  options: {
    data: { type: 'string' },
    times: { type: 'string', default: '4' },
    save: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const [name = ''] = positionals;
if (name === '' || values.data === undefined) {
  console.error('error: the library and its data folder are needed. hint: see the head of this file');
  process.exit(2);
}
const report = v.looseObject({
  files: v.array(v.unknown()),
  ...v.object({ added: v.number(), changed: v.number(), removed: v.number(), unchanged: v.number() }).entries,
  seconds: v.number(),
  cpuSeconds: v.number(),
  peakMemoryMB: v.number(),
});

const { path: model } = await benchModel();
const data = values.data;
const cold = isCold();
const looks = [];
for (let at = 0; at < Number(values.times); at++) looks.push(await look());
const warm = cold ? looks.slice(1) : looks;
const figures: SecondScan = {
  ...timesOf(warm),
  peakMemoryMB: Math.round(Math.max(...looks.map(({ peakMemoryMB }) => peakMemoryMB))),
  cold: cold ? timesOf(looks.slice(0, 1)) : null,
  measured: environment(),
};
const files = looks[0]?.files.length ?? 0;
console.log(JSON.stringify({ files, ...figures }, null, 1));
if (values.save) {
  // what else stands there stays as it is, also what the table does not show
  const known = v.parse(
    v.looseObject({ runs: v.array(v.looseObject({ files: v.number() })) }),
    readResult('ingest'),
  );
  if (!known.runs.some((run) => run.files === files))
    throw new Error(`bench/ingest.ts was not run on ${files} files.`);
  const runs = known.runs.map((run) => (run.files === files ? { ...run, again: figures } : run));
  writeResult('ingest', { ...known, runs });
}

/** a program of its own: its start and end count, as for whoever calls it */
async function look(): Promise<v.InferOutput<typeof report> & { readonly wallSeconds: number }> {
  const cli = join(import.meta.dirname, '../src/main/cli.ts');
  const args = [cli, 'library', 'update', name, '--json', '--data', data, '--model', model];
  const start = performance.now();
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 29 });
  const wallSeconds = (performance.now() - start) / 1000;
  const found = v.parse(report, JSON.parse(stdout.trim().split('\n').at(-1) ?? 'null'));
  if (found.unchanged !== found.files.length)
    throw new Error('The library is not as it was: update it first.');
  return { ...found, wallSeconds };
}

/** the middle ones, s */
function timesOf(several: readonly Awaited<ReturnType<typeof look>>[]) {
  const of = (field: 'seconds' | 'cpuSeconds' | 'wallSeconds'): number =>
    Math.round(100 * middle(several.map((one) => one[field]))) / 100;
  return { seconds: of('seconds'), cpuSeconds: of('cpuSeconds'), wallSeconds: of('wallSeconds') };
}

/** Files, folders and inodes leave the system's cache. @returns false where that can't be done */
function isCold(): boolean {
  try {
    execFileSync('sync');
    writeFileSync('/proc/sys/vm/drop_caches', '3');
    return true;
  } catch {
    return false;
  }
}
