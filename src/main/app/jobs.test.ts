import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AppEvent, JobStatus, LibraryEntry } from '../../shared/rpc/index.ts';
import type { TestApp } from './app.fixture.ts';
import { never, openTestApp } from './app.fixture.ts';
import type { JobRequest } from './jobs.ts';

let test: TestApp;
let stopListening: AbortController;
let events: AppEvent[];

beforeEach(async () => {
  test = await openTestApp();
  events = [];
  listen();
});
afterEach(async () => {
  stopListening.abort();
  await test.close();
});

/** collects what the app tells, as a window does */
function listen(): void {
  stopListening = new AbortController();
  const { signal } = stopListening;
  const stream = test.app().handlers['app.events']({}, { signal });
  void (async () => {
    for await (const event of stream) events.push(event);
  })();
}

const call = () => test.app().handlers;
const start = (request: JobRequest) => call()['jobs.start'](request, { signal: never });
const list = () => call()['jobs.list']({}, { signal: never });
const act = (what: 'pause' | 'resume' | 'cancel', name: string) =>
  call()[`jobs.${what}`]({ name }, { signal: never });
const power = (onBattery: boolean, asleep = false) =>
  call()['app.power']({ onBattery, asleep }, { signal: never });

/** The first status of the library that is as wanted. */
async function until(name: string, wanted: (job: JobStatus) => boolean): Promise<JobStatus> {
  const deadline = Date.now() + 200_000;
  for (;;) {
    const job = (await list()).find((one) => one.name === name);
    if (job !== undefined && wanted(job)) return job;
    if (Date.now() > deadline) throw new Error(`The job is still ${JSON.stringify(job)}.`);
    await sleep(20);
  }
}

/** in tokens, which are bytes here */
const BEYOND_PREAMBLE = 600;
const isReading = ({ progress, state }: JobStatus): boolean =>
  state === 'running' && progress?.phase === 'read' && progress.done > BEYOND_PREAMBLE;
const isDone = ({ state }: JobStatus): boolean => state === 'done';

async function entries(name: string, folder: string): Promise<readonly LibraryEntry[]> {
  const page = await call()['library.folder']({ name, folder }, { signal: never });
  return page.entries;
}

/** each byte is a token: seconds of reading with the reference backend */
const LONG = { 'long.txt': 'The harbour of Tarsk lies in the north, where nothing grows. '.repeat(36) };

describe('a job', () => {
  it('goes on without its caller, and tells how it goes', async () => {
    const paths = [await test.write({ 'one.txt': 'The keeper of Tarsk.', 'two.txt': 'The lamp.' })];
    const begun = await start({ kind: 'add', name: 'coast', paths });
    expect(begun).toMatchObject({ name: 'coast', kind: 'add', report: null, error: null });
    const { report } = await until('coast', isDone);
    expect(report).toMatchObject({ added: 2, counts: { read: 2 }, state: null });
    expect(report).not.toHaveProperty('files');
    const told = events.flatMap((event) => (event.kind === 'job' ? [event.job.state] : []));
    expect(told[0]).toBe('running');
    expect(told.at(-1)).toBe('done');
    expect(events).toContainEqual({ kind: 'libraries', name: 'coast' });
    const [summary] = await call()['library.list']({}, { signal: never });
    expect(summary).toMatchObject({ files: 2, status: 'indexed' });
  });

  it('pauses with what was done kept, also over a restart, and resumes from there', async () => {
    const paths = [await test.write(LONG)];
    await start({ kind: 'add', name: 'coast', paths, read: 'always' });
    const reading = await until('coast', isReading);
    expect(reading.progress?.total).toBeGreaterThan(LONG['long.txt'].length);
    expect(await act('pause', 'coast')).toMatchObject({ state: 'paused', reason: null });
    const done = (await until('coast', () => true)).progress?.done ?? 0;
    await test.reopen();
    listen();
    expect(await list()).toMatchObject([{ name: 'coast', state: 'paused', kind: 'add' }]);
    await test.app().resume();
    expect(await list()).toMatchObject([{ state: 'paused' }]);
    const map = await call()['library.map']({ name: 'coast' }, { signal: never });
    expect(map.read).toBeGreaterThan(0);
    expect(map.read).toBeLessThan(map.tokens);
    await act('resume', 'coast');
    const { report } = await until('coast', isDone);
    expect(report?.state?.tokens).toBe(report?.state?.libraryTokens);
    expect(report?.state?.reusedTokens).toBeGreaterThanOrEqual(Math.min(done, map.read));
    expect(report?.state?.readTokens).toBeLessThan(LONG['long.txt'].length);
  });

  it('that was cancelled is not taken up again by itself, but when asked for', async () => {
    const paths = [await test.write(LONG)];
    await start({ kind: 'add', name: 'coast', paths, read: 'always' });
    await until('coast', isReading);
    expect(await act('cancel', 'coast')).toMatchObject({ state: 'cancelled' });
    const [summary] = await call()['library.list']({}, { signal: never });
    expect(summary?.status).toBe('indexed');
    await test.reopen();
    await test.app().resume();
    expect(await list()).toMatchObject([{ state: 'cancelled' }]);
    await act('resume', 'coast');
    await until('coast', isDone);
  });

  it('that a restart cuts off waits, after several bad starts, until it is resumed', async () => {
    const paths = [await test.write(LONG)];
    await start({ kind: 'add', name: 'coast', paths, read: 'always' });
    await until('coast', isReading);
    await test.reopen();
    listen();
    await test.app().pauseUnfinished();
    expect(await list()).toMatchObject([{ name: 'coast', state: 'paused', kind: 'add' }]);
    await act('resume', 'coast');
    await until('coast', isDone);
  });

  it('that a restart cuts off goes on by itself', async () => {
    const paths = [await test.write(LONG)];
    await start({ kind: 'add', name: 'coast', paths, read: 'always' });
    await until('coast', isReading);
    await test.reopen();
    expect(await test.app().unfinished()).toEqual([{ name: 'coast', kind: 'add' }]);
    await test.app().resume();
    const { report } = await until('coast', isDone);
    expect(report?.state?.reusedTokens).toBeGreaterThan(0);
  });

  it('makes room for another one on the same library, which does the rest too', async () => {
    const paths = [await test.write(LONG)];
    await start({ kind: 'add', name: 'coast', paths, read: 'always' });
    await until('coast', isReading);
    const more = join(test.folder, 'more.txt');
    await writeFile(more, 'One file more.');
    await start({ kind: 'add', name: 'coast', paths: [more] });
    const { report } = await until('coast', isDone);
    expect(report).toMatchObject({ added: 1, unchanged: 1 });
    expect(report?.state?.tokens).toBe(report?.state?.libraryTokens);
    expect(await start({ kind: 'read', name: 'coast' })).toMatchObject({ kind: 'read' });
  });

  it('ends with the library that is removed', async () => {
    const paths = [await test.write(LONG)];
    await start({ kind: 'add', name: 'coast', paths, read: 'always' });
    await until('coast', isReading);
    await call()['library.remove']({ name: 'coast' }, { signal: never });
    expect(await list()).toEqual([]);
    expect(await test.app().unfinished()).toEqual([]);
  });

  it('is told under its new name after a rename', async () => {
    const paths = [await test.write(LONG)];
    await start({ kind: 'add', name: 'coast', paths, read: 'always' });
    await until('coast', isReading);
    const changed = await call()['library.change'](
      { name: 'coast', newName: 'north', read: 'never' },
      { signal: never },
    );
    expect(changed).toMatchObject({ library: { name: 'north', read: 'never' }, status: 'reading' });
    expect(await act('cancel', 'north')).toMatchObject({ name: 'north', state: 'cancelled' });
  });
});

describe('reading waits', () => {
  it('on battery and before sleep, says so, and goes on by itself; indexing does not wait', async () => {
    const paths = [await test.write(LONG)];
    await power(true);
    await start({ kind: 'add', name: 'coast', paths, read: 'always' });
    await until('coast', ({ state, reason }) => state === 'paused' && reason === 'battery');
    const [summary] = await call()['library.list']({}, { signal: never });
    expect(summary).toMatchObject({ tokens: LONG['long.txt'].length, status: 'reading' });
    await power(false);
    await until('coast', isReading);
    await power(false, true);
    await until('coast', ({ state, reason }) => state === 'paused' && reason === 'asleep');
    // both at once: it waits for both to end
    await power(true, true);
    await power(true, false);
    await until('coast', ({ reason }) => reason === 'battery');
    await call()['settings.set']({ patch: { 'reading.onBattery': true } }, { signal: never });
    const { report } = await until('coast', isDone);
    expect(report?.state?.tokens).toBe(report?.state?.libraryTokens);
  });

  it('on battery, unless the user says to go on; the next time it waits again', async () => {
    const paths = [await test.write(LONG)];
    const isHeld = ({ state, reason }: JobStatus): boolean => state === 'paused' && reason === 'battery';
    await power(true);
    await start({ kind: 'add', name: 'coast', paths, read: 'always' });
    await until('coast', isHeld);
    await act('resume', 'coast');
    await until('coast', isReading);
    await power(true); // told once more
    await until('coast', isReading);
    await power(false);
    await power(true);
    await until('coast', isHeld);
    expect(await act('cancel', 'coast')).toMatchObject({ state: 'cancelled' });
  });

  it('for another library that is being read, and can be cancelled meanwhile', async () => {
    const files = await test.write({ 'a/long.txt': LONG['long.txt'], 'b/long.txt': `B${LONG['long.txt']}` });
    await start({ kind: 'add', name: 'first', paths: [join(files, 'a')], read: 'always' });
    await until('first', isReading);
    await start({ kind: 'add', name: 'second', paths: [join(files, 'b')], read: 'always' });
    await until('second', ({ state }) => state === 'waiting');
    expect(await act('cancel', 'second')).toMatchObject({ state: 'cancelled' });
    await start({ kind: 'read', name: 'second' });
    await until('first', isDone);
    await until('second', isDone);
  });
});

describe('bad input', () => {
  it('what is not there is said at once; what nobody works on can not be stopped', async () => {
    const nowhere = [join(test.folder, 'nowhere')];
    await expect(start({ kind: 'add', name: 'x', paths: nowhere })).rejects.toMatchObject({
      code: 'not-found',
    });
    await expect(start({ kind: 'update', name: 'x' })).rejects.toMatchObject({ code: 'not-found' });
    await expect(act('pause', 'x')).rejects.toMatchObject({ code: 'not-found' });
    await test.write({ 'one.txt': 'one' });
    await test.add({ name: 'coast' });
    await expect(act('pause', 'coast')).rejects.toMatchObject({ code: 'not-found' });
    await expect(act('resume', 'coast')).rejects.toMatchObject({ code: 'not-found' });
  });

  it.skipIf(process.platform === 'win32')(
    'a circle of links, a socket, a file that vanishes: each has its reason, and the rest is read (skipped on Windows: links and sockets are others there)',
    async () => {
      const files = await test.write({ 'good.txt': 'Good.', 'b/also.txt': 'Also good.' });
      await symlink(files, join(files, 'b', 'circle'));
      await symlink(join(files, 'gone'), join(files, 'dangling'));
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(join(files, 'socket'), resolve));
      try {
        await start({ kind: 'add', name: 'odd', paths: [files] });
        const { report } = await until('odd', isDone);
        expect(report?.counts).toMatchObject({ read: 2, skipped: 3 });
        const reasons = new Map(
          [...(await entries('odd', 'files')), ...(await entries('odd', 'files/b'))].map((entry) => [
            entry.path,
            entry.kind === 'file' ? entry.reason : null,
          ]),
        );
        expect(reasons.get('files/socket')).toContain('socket');
        expect(reasons.get('files/b/circle')).toContain('link to');
        expect(reasons.get('files/dangling')).toContain('link to');
      } finally {
        server.close();
      }
    },
  );

  it('a folder that has vanished since: the update says so, and nothing fails', async () => {
    const files = await test.write({ 'good.txt': 'Good.' });
    await test.add({ name: 'coast' });
    await rm(files, { recursive: true });
    await start({ kind: 'update', name: 'coast' });
    const { report } = await until('coast', isDone);
    expect(report?.counts).toMatchObject({ read: 0, refused: 1 });
  });

  it('a book that can not be read is refused with its reason; it is tried again only when asked for', async () => {
    await test.write({ 'broken.epub': 'PK\x03\x04 no archive', 'good.txt': 'Good.' });
    await test.add({ name: 'books' });
    const outcome = async () =>
      (await entries('books', 'files')).find(({ path }) => path.endsWith('broken.epub'));
    expect(await outcome()).toMatchObject({ outcome: 'refused', reason: expect.any(String) as string });
    await start({ kind: 'update', name: 'books' });
    expect((await until('books', isDone)).report).toMatchObject({ changed: 0, unchanged: 2 });
    await start({ kind: 'update', name: 'books', retry: true });
    const again = await until('books', ({ state, report }) => state === 'done' && report?.changed === 1);
    expect(again.report?.counts).toMatchObject({ read: 1, refused: 1 });
  });

  it('of several books that can not be read one is tried again; a name that is none of them is an error', async () => {
    await test.write({ 'one.epub': 'PK\x03\x04 no archive', 'two.epub': 'PK\x03\x04 none either' });
    await test.add({ name: 'books' });
    await start({ kind: 'update', name: 'books', retry: ['files/two.epub'] });
    const again = await until('books', ({ state, report }) => state === 'done' && report?.changed === 1);
    expect(again.report).toMatchObject({ unchanged: 1, counts: { refused: 2 } });
    await start({ kind: 'update', name: 'books', retry: ['files/three.epub'] });
    expect((await until('books', ({ state }) => state === 'failed')).error).toMatchObject({
      code: 'not-found',
    });
  });

  it.skipIf(process.platform === 'win32' || process.getuid?.() === 0)(
    'a folder without permission has its reason (skipped for root, who may read everything, and on Windows)',
    async () => {
      const files = await test.write({ 'good.txt': 'Good.' });
      await mkdir(join(files, 'closed'));
      await chmod(join(files, 'closed'), 0);
      await start({ kind: 'add', name: 'odd', paths: [files] });
      const { report } = await until('odd', isDone);
      expect(report?.counts).toMatchObject({ read: 1, refused: 1 });
    },
  );
});
