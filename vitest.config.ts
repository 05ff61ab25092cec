import { defineConfig } from 'vitest/config';

// Native addons and child processes: forks, so that a crash names its file.
export default defineConfig({
  test: {
    pool: 'forks',
    include: ['src/**/*.test.ts', 'native/**/*.test.ts', 'e2e/**/*.test.ts', 'bench/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
  },
});
