/** boot.mjs: the door of every npm script. Installing itself is what `npm test` has just done. */
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { model, noModel, skippedWithoutModel } from './harness.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'longleaf-boot-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function boot(args: readonly string[], options: SpawnOptions & { readonly boot?: string } = {}) {
  const script = options.boot ?? join(root, 'boot.mjs');
  const env = { ...process.env, LONGLEAF_DATA: join(folder, 'data'), LONGLEAF_MODEL: model, ...options.env };
  const child = spawn(process.execPath, [script, ...args], { ...options, env });
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) =>
    child.on('close', (code) => resolve({ code, stdout, stderr })),
  );
  return { child, ended };
}

it('`longleaf` adds nothing of its own to the output and passes the exit code on', async () => {
  expect(await boot(['longleaf', '--version']).ended).toEqual({ code: 0, stdout: '0.1.0\n', stderr: '' });
  expect(await boot(['longleaf', 'bogus']).ended).toMatchObject({ code: 2, stdout: '' });
});

it('installed as a program of its own, it takes commands directly', async () => {
  expect(await boot(['--version']).ended).toEqual({ code: 0, stdout: '0.1.0\n', stderr: '' });
});

it('before the first `npm start` it says what to do', async () => {
  const bare = join(folder, 'bare');
  await mkdir(bare);
  for (const file of ['boot.mjs', 'package.json', 'package-lock.json'])
    await cp(join(root, file), join(bare, file));
  expect(await boot(['longleaf', 'doctor'], { boot: join(bare, 'boot.mjs') }).ended).toEqual({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/^error: .*not installed.*\nhint: .*npm start/) as string,
  });
});

it('tries a second time when npm fails, and then says so', async () => {
  const bare = join(folder, 'offline');
  await mkdir(bare);
  for (const file of ['boot.mjs', 'package.json', 'package-lock.json'])
    await cp(join(root, file), join(bare, file));
  const npm = join(bare, 'npm.js');
  await writeFile(npm, `console.error('npm ' + process.argv[2] + ': connection lost'); process.exit(1);`);
  const started = boot(['build'], { boot: join(bare, 'boot.mjs'), env: { npm_execpath: npm } });
  const { code, stderr } = await started.ended;
  expect(code).toBe(1);
  expect(stderr.match(/npm ci: connection lost/g)).toHaveLength(2);
  expect(stderr).toMatch(/error: The packages could not be installed/);
});

describe.skipIf(noModel)(`npm start${skippedWithoutModel}`, () => {
  /** resolves with what stdout says first */
  const firstLine = (child: ChildProcess) =>
    new Promise<string>((resolve) =>
      child.stdout?.once('data', (chunk: Buffer) => resolve(chunk.toString())),
    );

  it('without a display serves the page, says why, and ends with Ctrl-C', async () => {
    const { child, ended } = boot(['start'], { env: { DISPLAY: '', WAYLAND_DISPLAY: '' } });
    const address = (await firstLine(child)).replace('Longleaf: ', '').trim();
    expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{43}$/);
    expect((await fetch(address, { redirect: 'manual' })).status).toBe(303);
    expect((await fetch(new URL('/', address))).status).toBe(401);
    child.kill('SIGINT');
    const { code, stderr } = await ended;
    expect({ code, stderr }).toEqual({
      code: 130,
      stderr: expect.stringContaining('longleaf -- chat') as string,
    });
    if (process.platform === 'linux') expect(stderr).toContain('There is no display');
  });

  it.skipIf(process.platform !== 'linux')(
    'with a display starts Electron, and serves when that does not start (Linux)',
    async () => {
      const dist = join(folder, 'electron');
      await mkdir(dist);
      await writeFile(join(dist, 'electron'), '#!/bin/sh\necho "electron $*" >&2\nexit 3\n', { mode: 0o755 });
      const env = { DISPLAY: ':99', ELECTRON_OVERRIDE_DIST_PATH: dist };
      const { child, ended } = boot(['start'], { env });
      expect(await firstLine(child)).toContain('Longleaf: http://127.0.0.1:');
      child.kill('SIGINT');
      const { stderr } = await ended;
      // Chromium's sandbox does not start as root
      if (process.getuid?.() === 0) expect(stderr).toContain('does not run as root');
      else expect(stderr).toMatch(/electron \/.*\n.*did not start \(exit code 3\)/);
    },
  );

  it('with a command runs that, and shows nothing', async () => {
    expect(await boot(['start', '--version']).ended).toMatchObject({ code: 0, stdout: '0.1.0\n' });
  });
});

it.skipIf(noModel)(
  `paths mean the folder that the user stands in, also under npm${skippedWithoutModel}`,
  async () => {
    await writeFile(join(folder, 'word.txt'), 'word');
    const under = { npm_lifecycle_event: 'longleaf', INIT_CWD: folder };
    const { code, stdout } = await boot(['longleaf', 'tokenize', 'word.txt'], { cwd: root, env: under })
      .ended;
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^\[\d+\]\n$/) as string });
  },
);

it.skipIf(process.platform === 'win32')(
  'a signal reaches the program: 130 (skipped on Windows: no signals)',
  async () => {
    const { child, ended } = boot(['longleaf', '--json', 'serve', '--port', '0']);
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    child.kill('SIGINT');
    expect((await ended).code).toBe(130);
  },
);

// npm 11 refuses `npm ci` when an optional package of another platform is not in the lock file, and npm leaves one
// out without a word when its version cannot be had at that moment. It broke every fresh clone once.
it('the lock file holds every package that a package in it asks for', async () => {
  interface Locked {
    readonly dependencies?: Record<string, string>;
    readonly optionalDependencies?: Record<string, string>;
  }
  const { packages } = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as {
    readonly packages: Record<string, Locked>;
  };
  /** the folders in which a package at `path` finds its dependencies, from its own up to the root's */
  const lookedIn = (path: string) => {
    const parts = path === '' ? [] : path.split('/node_modules/');
    return [
      ...parts.map((_, index) => `${parts.slice(0, index + 1).join('/node_modules/')}/node_modules/`),
      'node_modules/',
    ];
  };
  const missing = Object.entries(packages).flatMap(([path, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies })
      .filter((name) => !lookedIn(path).some((folder) => `${folder}${name}` in packages))
      .map((name) => `${path}: ${name}`),
  );
  expect(Object.keys(packages).length).toBeGreaterThan(500);
  expect(missing).toEqual([]);
});
