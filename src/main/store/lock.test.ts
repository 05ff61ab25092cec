import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { tryLock } from './index.ts';

const module = new URL('./index.ts', import.meta.url).href;
const holder = `const { tryLock } = await import(${JSON.stringify(module)});
process.stdout.write((await tryLock(process.argv[1])) ? 'held' : 'not');
setInterval(() => {}, 1000);`;

it('a lock that another process holds is refused at once, and free as soon as that process is killed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'longleaf-lock-'));
  const file = join(folder, 'lock.db');
  const child = spawn(process.execPath, ['--input-type=module', '-e', holder, file]);
  try {
    const said = await new Promise<string>((resolve) =>
      child.stdout.once('data', (data) => resolve(String(data))),
    );
    expect(said).toBe('held');
    const begin = performance.now();
    expect(await tryLock(file)).toBeNull();
    // It used to wait up to 5 s in the first statement, and then to fail with "database is locked".
    expect(performance.now() - begin).toBeLessThan(1_000);
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    const lock = await tryLock(file);
    expect(lock).not.toBeNull();
    expect(await tryLock(file)).toBeNull();
    lock?.release();
  } finally {
    child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
});
