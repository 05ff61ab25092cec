/**
 * `npm run long`: the measurements that take hours, one after the other, unattended. Each is a program of its own that
 * keeps what it finished, so a run that was stopped goes on where it was.
 *
 *   npm run long                 everything
 *   npm run long -- loss peers   some of it
 *   npm run long -- --list       what there is
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

interface LongRun {
  readonly name: string;
  readonly what: string;
  /** program below bench/, and its arguments */
  readonly program: readonly string[];
}

const runs: readonly LongRun[] = [
  { name: 'peers', what: 'speed and memory next to llama.cpp', program: ['peers.ts'] },
  { name: 'flat', what: 'cost of a token and memory as the context grows; reopening', program: ['flat.ts'] },
  { name: 'agreement', what: 'logits next to llama.cpp', program: ['agreement.ts', '--reference'] },
  { name: 'perplexity', what: 'perplexity of 4k tokens next to llama.cpp', program: ['perplexity.ts'] },
  { name: 'loss', what: 'loss at length: adapted against windows, no blow-up', program: ['loss.ts'] },
  { name: 'kills', what: 'kill -9 ten times while Moby-Dick is read', program: ['kills.ts'] },
  {
    name: 'ingest-kills',
    what: 'kill -9 a hundred times while files are indexed',
    program: ['ingest-kills.ts'],
  },
  {
    name: 'questions',
    what: 'the 20 questions on Moby-Dick',
    program: ['questions/run.ts', '--out', join(import.meta.dirname, 'results/questions.json')],
  },
];

const wanted = process.argv.slice(2);
const unknown = wanted.find((name) => name !== '--list' && !runs.some((run) => run.name === name));
if (unknown !== undefined) {
  console.error(
    `error: There is no long run ${unknown}. hint: One of: ${runs.map(({ name }) => name).join(', ')}.`,
  );
  process.exit(2);
}
if (wanted.includes('--list')) for (const { name, what } of runs) console.log(`${name.padEnd(14)}${what}`);
else process.exit(runAll(runs.filter(({ name }) => wanted.length === 0 || wanted.includes(name))));

/** A run that fails does not keep the others from running. @returns exit code */
function runAll(chosen: readonly LongRun[]): number {
  const outcomes = chosen.map(({ name, program }) => {
    console.log(`\n== ${name} ==`);
    const start = performance.now();
    const [file = '', ...rest] = program;
    const { status } = spawnSync(process.execPath, [join(import.meta.dirname, file), ...rest], {
      stdio: 'inherit',
    });
    return { name, ok: status === 0, minutes: (performance.now() - start) / 60_000 };
  });
  console.log('');
  for (const { name, ok, minutes } of outcomes)
    console.log(`${name.padEnd(14)}${ok ? 'done' : 'FAILED'} in ${minutes.toFixed(1)} min`);
  return outcomes.every(({ ok }) => ok) ? 0 : 1;
}
