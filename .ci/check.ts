/** `npm run check`: format, lint, types, architecture, dead code, and whether these tools see errors at all. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkTheChecks } from './planted.ts';
import { runAll, runStep, steps, type StepResult } from './steps.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

function report(result: StepResult): void {
  console.log(`${result.ok ? 'ok  ' : 'FAIL'} ${result.name} (${result.seconds.toFixed(1)} s)`);
  if (!result.ok) console.log(result.output.trimEnd());
}

/** Two at a time: the tools are single-threaded, and the smallest machine that runs this has two cores. */
export async function check(): Promise<{ passed: number; failed: number }> {
  const jobs = [() => checkTheChecks(root), ...steps.map((step) => () => runStep(step, root, root))];
  const results = await runAll(jobs, 2, (job) => job(), report);
  const failed = results.filter((result) => !result.ok).length;
  return { passed: results.length - failed, failed };
}

if (import.meta.main) {
  const { passed, failed } = await check();
  console.log(`${passed} passed, ${failed} failed, 0 skipped`);
  process.exitCode = failed === 0 ? 0 : 1;
}
