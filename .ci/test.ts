/**
 * `npm test`: all checks, then all tests, and one closing line with the counts of both. With paths as arguments
 * only the tests below these run, and no checks.
 *
 * A test that is skipped says why in its title. Under CI=true a skip counts as failed, unless its reason is one
 * that the machine may have (`permitted`): otherwise a lost model or data set would look like success.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { trainingPython } from '../training/python.ts';
import { check } from './check.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const testData = process.env['LONGLEAF_TEST_DATA'] ?? join(root, '..', 'shared', 'data');

/** What a machine may lack and still be a good CI machine. */
const permitted: readonly { readonly reason: RegExp; readonly when: () => boolean }[] = [
  { reason: /AVX|NEON|bf16|VNNI|SIMD|instruction/i, when: () => true },
  { reason: /\broot\b|Windows|macOS|platform|file system/i, when: () => true },
  { reason: /long tier|npm run long|LONGLEAF_LONG/i, when: () => true },
  // Several GB: .ci/machine.sh installs it where there is room and network.
  { reason: /PyTorch/, when: () => trainingPython() === null },
  // With the data at hand every test of it runs; without, none does.
  { reason: /\bdata\b|LONGLEAF_TEST_DATA/i, when: () => !existsSync(testData) },
];

/** The reason stands in the title: `… (skipped without test data)`. */
function mayBeSkipped(title: string): boolean {
  const reasons = title.match(/\(skipped[^)]*\)/g) ?? [];
  return reasons.some((text) => permitted.some(({ reason, when }) => reason.test(text) && when()));
}

const vitestReport = v.object({
  testResults: v.array(
    v.object({
      name: v.string(),
      status: v.string(),
      message: v.optional(v.string()),
      assertionResults: v.array(v.object({ status: v.string(), fullName: v.string() })),
    }),
  ),
});

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly string[];
}

function runVitest(filters: readonly string[], reportFile: string): Promise<number> {
  const args = [
    join(root, 'node_modules', 'vitest', 'vitest.mjs'),
    ...['run', '--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`],
    ...filters,
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: 'inherit' });
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}

/** A test file that did not even load has no tests to count: it counts as one failure. */
function count(reportFile: string, exitCode: number): Counts {
  const report = v.parse(vitestReport, JSON.parse(readFileSync(reportFile, 'utf8')));
  const tests = report.testResults.flatMap((file) => file.assertionResults);
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every(({ status }) => status !== 'failed'),
  );
  const passed = tests.filter(({ status }) => status === 'passed').length;
  const failed = tests.filter(({ status }) => status === 'failed').length + broken.length;
  const skipped = tests.filter(({ status }) => status !== 'passed' && status !== 'failed');
  return {
    passed,
    // vitest also ends with 1 for an error outside of any test
    failed: failed === 0 && exitCode !== 0 ? 1 : failed,
    skipped: skipped.map(({ fullName }) => fullName),
  };
}

async function tests(filters: readonly string[]): Promise<Counts> {
  const folder = mkdtempSync(join(tmpdir(), 'longleaf-tests-'));
  try {
    const reportFile = join(folder, 'report.json');
    const exitCode = await runVitest(filters, reportFile);
    if (!existsSync(reportFile)) return { passed: 0, failed: 1, skipped: [] };
    return count(reportFile, exitCode);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const filters = process.argv.slice(2);
const checks = filters.length === 0 ? await check() : { passed: 0, failed: 0 };
const results = await tests(filters);
const inCi = ['true', '1'].includes(process.env['CI'] ?? '');
const mustHave = inCi ? results.skipped.filter((title) => !mayBeSkipped(title)) : [];

for (const title of results.skipped)
  console.log(`${mustHave.includes(title) ? 'skipped, but CI must have it' : 'skipped'}: ${title}`);
const failed = checks.failed + results.failed + mustHave.length;
const skipped = results.skipped.length - mustHave.length;
console.log(`${checks.passed + results.passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed === 0 ? 0 : 1;
