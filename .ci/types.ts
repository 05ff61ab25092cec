/**
 * `node .ci/types.ts PROJECT`: tsc, with each file held to the options of its own project.
 *
 * The core imports the numeric folders (engine, tokenizer, formats), so the compiler reads their sources with the
 * core's `noUncheckedIndexedAccess`, which they do without (tsconfig.kernels.json says why). What it finds
 * there is dropped here: these files are checked by their own project, and nowhere else.
 */
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const kernels = /^(src\/main\/(engine|tokenizer|formats)|bench\/gpu)\//;

/** Diagnostics begin at the start of a line, their explanations are indented below. */
function diagnostics(output: string): readonly string[] {
  const found: string[] = [];
  for (const line of output.split(/\r?\n/).filter((text) => text !== '')) {
    if (/^\s/.test(line) && found.length > 0) found[found.length - 1] += `\n${line}`;
    else found.push(line);
  }
  return found;
}

const [project = ''] = process.argv.slice(2);
const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
// What the compiler knows from the last run: only what has changed is checked again.
const cache = ['--incremental', '--tsBuildInfoFile', join('out', '.types', `${project}.tsbuildinfo`)];
const run = spawnSync(process.execPath, [tsc, '-p', project, '--pretty', 'false', ...cache], {
  encoding: 'utf8',
  maxBuffer: 2 ** 28,
});
const own = project.includes('kernels') ? () => true : (text: string) => !kernels.test(text);
const faults = diagnostics(run.stdout + run.stderr).filter(own);
for (const fault of faults) console.log(fault);
// A compiler that fails without naming a fault has not looked.
const silent = run.status !== 0 && run.stdout.trim() === '';
if (silent)
  console.log(`tsc -p ${project} ended with ${run.status ?? run.signal ?? 'no status'} and said nothing`);
process.exitCode = faults.length > 0 || silent ? 1 : 0;
