/**
 * The graphics backend on the card of this machine, unattended and without a network, in less than eight minutes:
 *
 *   npm run bench:gpu [-- --device NAME --minutes 8 --out FILE --tiny --only small,probes]
 *
 * Stages are processes of their own with a limit of time each; what they find is written as soon as it is known, so a
 * stage that hangs costs its own figures only. Result: bench/results/gpu.json (or --out). Also runs from a pack
 * (npm run pack:gpu) where nothing is installed.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { environment } from './machine.ts';
import type { StageName, StageOptions } from './gpu/report.ts';

const { values } = parseArgs({
  options: {
    device: { type: 'string' },
    minutes: { type: 'string', default: '8' },
    out: { type: 'string', default: join(import.meta.dirname, 'results', 'gpu.json') },
    model: { type: 'string' },
    expected: { type: 'string' },
    tiny: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
});

/** In this order: what may be missing most at the end comes last. Seconds. */
const stages: readonly (readonly [StageName, number])[] = [
  ['adapter', 60],
  ['conformance', 120],
  ['small', 130],
  ['answers', 60],
  ['variants', 90],
  ['large', 130],
  ['cards', 60],
  ['probes', 60],
  ['pytorch', 90],
];

const deadline = performance.now() + Number(values.minutes) * 60_000 - 10_000;
const out = resolve(values.out);
const results: Record<string, unknown> = { ...environment(), nvidia: nvidia(), stages: {} };
const options: StageOptions = {
  device: values.device ?? process.env['LONGLEAF_GPU'] ?? null,
  tiny: values.tiny,
  model: fileOr(values.model),
  expected: fileOr(values.expected),
};

for (const [stage, limit] of stages) {
  if (values.only !== undefined && !values.only.split(',').includes(stage)) continue;
  const begin = performance.now();
  const seconds = Math.min(limit, (deadline - begin) / 1000);
  const ended = seconds < 5 ? 'no time left' : await run(stage, seconds);
  const took = Math.round((performance.now() - begin) / 100) / 10;
  results['stages'] = { ...(results['stages'] as object), [stage]: { ended, seconds: took } };
  console.log(`${stage}: ${ended} (${took} s)`);
  write();
}
console.log(`written: ${out}`);

async function run(stage: StageName, seconds: number): Promise<string> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, 'gpu', 'run.ts'), stage, JSON.stringify(options)],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  return followed(child, seconds, (line) => {
    for (const [name, figures] of Object.entries(JSON.parse(line) as Record<string, unknown>)) {
      const known = results[name];
      results[name] =
        typeof known === 'object' && typeof figures === 'object' ? { ...known, ...figures } : figures;
    }
    write();
  });
}

/** @returns how it ended; never throws */
async function followed(
  child: ReturnType<typeof spawn>,
  seconds: number,
  onLine: (line: string) => void,
): Promise<string> {
  const { promise, resolve: end } = Promise.withResolvers<string>();
  const timer = setTimeout(() => {
    child.kill('SIGKILL');
    end(`stopped after ${String(Math.round(seconds))} s`);
  }, seconds * 1000);
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2000)));
  if (child.stdout !== null) {
    createInterface(child.stdout).on('line', (line) => {
      try {
        onLine(line);
      } catch {
        said += `not JSON: ${line.slice(0, 200)}`;
      }
    });
  }
  child.on('error', (error) => end(error.message));
  child.on('close', (code) => end(code === 0 ? 'done' : `failed: ${said.trim()}`));
  const ended = await promise;
  clearTimeout(timer);
  return ended;
}

function write(): void {
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, `${JSON.stringify(results, null, 2)}\n`);
}

function fileOr(path: string | undefined): string | null {
  return path !== undefined && existsSync(path) ? resolve(path) : null;
}

/** What NVIDIA's own tool says of the card, where there is one. */
function nvidia(): string | null {
  try {
    const query = ['--query-gpu=name,driver_version,memory.total,clocks.max.sm', '--format=csv,noheader'];
    return execFileSync('nvidia-smi', query, { encoding: 'utf8', timeout: 20_000, stdio: 'pipe' }).trim();
  } catch {
    return null;
  }
}
