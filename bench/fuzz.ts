/**
 * `npm run fuzz [-- COPIES]`: the tests named *fuzz* with 100,000 mutated inputs each (or COPIES) instead of the few
 * thousand of `npm test`; of damaged files 10,000 a format at most, counted in bench/results/fuzz-formats.json.
 */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const copies = process.argv[2] ?? '100000';
if (!/^[1-9]\d*$/.test(copies)) {
  console.error(`error: ${copies} is no number of copies. hint: npm run fuzz -- 20000`);
  process.exit(2);
}
const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
const { status } = spawnSync(process.execPath, [vitest, 'run', 'fuzz', '--testTimeout=3600000'], {
  cwd: join(import.meta.dirname, '..'),
  stdio: 'inherit',
  env: {
    LONGLEAF_FUZZ_RESULT: join(import.meta.dirname, 'results/fuzz-formats.json'),
    ...process.env,
    LONGLEAF_FUZZ_COPIES: copies,
  },
});
process.exit(status ?? 1);
