import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openSession } from './index.ts';
import { fakeApp } from './testing/fake-app.ts';

const script = fileURLToPath(new URL('./testing/caller.ts', import.meta.url));
let dataFolder: string;
let children: ChildProcess[];

beforeEach(async () => {
  dataFolder = await mkdtemp(join(tmpdir(), 'longleaf-host-'));
  children = [];
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(dataFolder, { recursive: true, force: true });
});

interface Caller {
  readonly child: ChildProcess;
  /** all of stdout and stderr, once the process has ended */
  readonly ended: Promise<{ code: number | null; output: string }>;
  line(): Promise<string>;
}

function caller(task: 'list' | 'slow' | 'hold', folder = dataFolder): Caller {
  const child = spawn(process.execPath, [script, folder, task]);
  children.push(child);
  let output = '';
  const first = Promise.withResolvers<string>();
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('\n')) first.resolve(output.trim());
    });
  const ended = new Promise<{ code: number | null; output: string }>((resolve) =>
    child.on('close', (code) => resolve({ code, output })),
  );
  return { child, ended, line: () => first.promise };
}

const session = (folder = dataFolder) =>
  openSession({ dataFolder: folder, version: 'test', createApp: () => Promise.resolve(fakeApp()) });

it('the first process owns the folder, a second one works through it', async () => {
  const first = session();
  expect(await first.call('app.info', {})).toMatchObject({ pid: process.pid });
  const second = await caller('slow').ended;
  expect(second).toEqual({ code: 0, output: `owner ${process.pid}\nitems 3\n` });
  await first.end();
  expect((await caller('list').ended).output).not.toContain(`owner ${process.pid}`);
});

it('twenty parallel starts all do their work', async () => {
  const all = await Promise.all(Array.from({ length: 20 }, () => caller('list').ended));
  expect(all.filter(({ code }) => code !== 0)).toEqual([]);
});

it('an owner waits for the calls of others before it leaves', async () => {
  const owner = session();
  await owner.call('app.info', {});
  const other = caller('slow');
  expect(await other.line()).toContain(`owner ${process.pid}`);
  await owner.end();
  expect(await other.ended).toMatchObject({ code: 0, output: expect.stringContaining('items 3') as string });
});

it('a killed owner leaves nothing behind that hinders the next one', async () => {
  const killed = caller('hold');
  await killed.line();
  killed.child.kill('SIGKILL');
  await killed.ended;
  const next = session();
  expect(await next.call('app.info', {})).toMatchObject({ pid: process.pid });
  await next.end();
});

it('the next caller takes over when the owner has left between two calls', async () => {
  const owner = session();
  await owner.call('app.info', {});
  const other = session();
  await other.call('library.list', {});
  await owner.end();
  expect(await other.call('app.info', {})).toMatchObject({ pid: process.pid });
  await other.end();
});

it.skipIf(process.platform === 'win32')(
  'an owner that does not answer is named after 5 s, with a remedy (skipped on Windows: no SIGSTOP)',
  async () => {
    const stuck = caller('hold');
    await stuck.line();
    stuck.child.kill('SIGSTOP');
    const begin = performance.now();
    await expect(session().call('library.list', {})).rejects.toMatchObject({
      code: 'busy',
      message: expect.stringContaining(String(stuck.child.pid)) as string,
      hint: expect.stringContaining('kill') as string,
    });
    expect(performance.now() - begin).toBeLessThan(6_500);
  },
);

it('a damaged owner.json is no obstacle', async () => {
  await writeFile(join(dataFolder, 'owner.json'), '{"pid":');
  const next = session();
  await next.call('library.list', {});
  expect(JSON.parse(await readFile(join(dataFolder, 'owner.json'), 'utf8'))).toMatchObject({
    pid: process.pid,
  });
  await next.end();
});

it('a data folder with a very long path works: the socket lies elsewhere', async () => {
  const deep = join(dataFolder, 'x'.repeat(100), 'y'.repeat(100));
  const first = session(deep);
  await first.call('app.info', {});
  expect((await caller('list', deep).ended).output).toBe(`owner ${process.pid}\n`);
  await first.end();
});

it('a data folder that cannot be made is an error with a remedy', async () => {
  await writeFile(join(dataFolder, 'file'), '');
  await expect(session(join(dataFolder, 'file', 'data')).call('library.list', {})).rejects.toMatchObject({
    code: 'invalid-input',
    hint: expect.stringContaining('--data') as string,
  });
});

it('an app that cannot be opened says why, and gives the folder up', async () => {
  const broken = openSession({
    dataFolder,
    version: 'test',
    createApp: () => Promise.reject(new Error('no disk')),
  });
  await expect(broken.call('library.list', {})).rejects.toThrow('no disk');
  await broken.end();
  expect((await caller('list').ended).code).toBe(0);
});
