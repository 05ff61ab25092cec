import { defineConfig } from 'vitest/config';

// Native addons and child processes: forks, so that a crash names its file.
export default defineConfig({
  test: {
    pool: 'forks',
    include: [
      'src/**/*.test.ts',
      'native/**/*.test.ts',
      'e2e/**/*.test.ts',
      'bench/**/*.test.ts',
      'training/**/*.test.ts',
    ],
    // A test that hangs must end; one that is slow since the machine is busy must not fail.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    maxWorkers: 2,
  },
});
