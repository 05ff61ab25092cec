/**
 * Folders as they lie on a disk, taken in as a library (issue 5): how many files end how, memory, time, and a second run
 * that finds nothing to do.
 *
 *   node boot.mjs run bench/folders.ts [--save] NAME=FOLDER …
 *
 * With --save a folder's figures are kept beside those of others.
 */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import * as v from 'valibot';
import { benchModel, environment, writeResult } from './environment.ts';
import { folderRun, foldersSchema } from './ingest/folders-table.ts';

const { values, positionals } = parseArgs({
  options: { save: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const file = join(import.meta.dirname, 'results/folders.json');
const model = await benchModel();
for (const given of positionals) {
  const [name = '', folder = ''] = given.split('=');
  const program = [join(import.meta.dirname, '../src/main/cli.ts'), 'bench', 'ingest', folder, '--json'];
  const { stdout } = await promisify(execFile)(process.execPath, [...program, '--model', model.path], {
    maxBuffer: 2 ** 24,
  });
  const run = v.parse(folderRun, JSON.parse(stdout));
  console.log(name, JSON.stringify(run));
  if (!values.save) continue;
  const known = existsSync(file)
    ? v.parse(foldersSchema, JSON.parse(readFileSync(file, 'utf8'))).folders
    : {};
  writeResult('folders', { environment: environment(), folders: { ...known, [name]: run } });
}
