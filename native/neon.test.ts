/** The NEON dense kernels give the bits of the plain ones: built for ARM and run under qemu-user, where both are there. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const compiler = 'aarch64-linux-gnu-g++';
const emulator = 'qemu-aarch64';

function isThere(command: string): boolean {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const missing = [compiler, emulator].filter((command) => !isThere(command));
const reason =
  missing.length === 0 ? '' : ` (skipped: NEON needs ${missing.join(' and ')}, which is not installed)`;

it.skipIf(missing.length > 0)(`dense kernels on NEON give the bits of the plain ones${reason}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'longleaf-neon-'));
  try {
    const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
    const program = join(folder, 'neon-check');
    execFileSync(compiler, [
      ...['-std=c++17', '-O2', '-static', '-ffp-contract=off', '-fno-math-errno'],
      '-march=armv8.2-a+dotprod',
      ...['dense_neon.cpp', 'dense_scalar.cpp', 'packed.cpp'].map((file) => source(`./src/${file}`)),
      source('./testing/neon-check.cpp'),
      ...['-o', program],
    ]);
    expect(execFileSync(emulator, [program], { encoding: 'utf8' })).toBe('equal\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
