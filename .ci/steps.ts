/** Running the checking tools: one process per step, two at a time, output kept until the step has ended. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

export interface Step {
  readonly name: string;
  /** script, relative to the repository, then its arguments */
  readonly command: readonly [script: string, ...args: string[]];
}

export interface StepResult {
  readonly name: string;
  readonly ok: boolean;
  readonly seconds: number;
  readonly output: string;
}

/** What `npm run check` means, in one list. */
export const steps: readonly Step[] = [
  {
    name: 'prettier',
    command: ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.'],
  },
  { name: 'eslint', command: ['node_modules/eslint/bin/eslint.js', '.'] },
  { name: 'types: shared', command: ['.ci/types.ts', 'tsconfig.shared.json'] },
  { name: 'types: node', command: ['.ci/types.ts', 'tsconfig.node.json'] },
  { name: 'types: kernels', command: ['.ci/types.ts', 'tsconfig.kernels.json'] },
  { name: 'types: browser', command: ['.ci/types.ts', 'tsconfig.browser.json'] },
  {
    name: 'types: renderer',
    command: [
      'node_modules/svelte-check/bin/svelte-check',
      ...['--tsconfig', './tsconfig.renderer.json', '--output', 'human', '--fail-on-warnings'],
    ],
  },
  {
    name: 'architecture',
    command: [
      'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs',
      ...['--config', '.dependency-cruiser.cjs', 'src', 'native', 'bench', 'e2e', 'training'],
    ],
  },
  { name: 'dead code', command: ['node_modules/knip/bin/knip.js', '--no-progress', '--no-config-hints'] },
];

/** Runs one step in `folder`, with the tools of `root`'s node_modules. Never throws: a tool that is missing failed. */
export function runStep(step: Step, root: string, folder: string): Promise<StepResult> {
  const [script, ...args] = step.command;
  const begin = performance.now();
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(root, script), ...args], { cwd: folder });
    let output = '';
    const collect = (chunk: Buffer) => (output += chunk.toString());
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    const end = (ok: boolean) =>
      resolve({ name: step.name, ok, seconds: (performance.now() - begin) / 1000, output });
    child.on('error', (error) => {
      output += error.message;
      end(false);
    });
    child.on('close', (code) => end(code === 0));
  });
}

/** @param onEnd called as each job ends, in order of ending */
export async function runAll<Job, Outcome>(
  jobs: readonly Job[],
  width: number,
  run: (job: Job) => Promise<Outcome>,
  onEnd: (outcome: Outcome) => void,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  const queue = [...jobs];
  const lane = async () => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      const outcome = await run(job);
      outcomes.push(outcome);
      onEnd(outcome);
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  return outcomes;
}
