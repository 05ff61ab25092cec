/** What happens to a library from the drop on, through the contract, as the window does it. */
import { copyFile, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { JobStatus, LibraryPreview } from '../../shared/rpc/index.ts';
import type { TestApp } from './app.fixture.ts';
import { never, openTestApp } from './app.fixture.ts';

const sheets = join(import.meta.dirname, '../ingest/testing/whales.xlsx');

let test: TestApp;
beforeEach(async () => {
  test = await openTestApp();
});
afterEach(() => test.close());

const call = () => test.app().handlers;
const options = { signal: never };

async function until(wanted: (job: JobStatus) => boolean): Promise<JobStatus> {
  const deadline = Date.now() + 280_000; // a machine that is busy with something else is not at fault
  for (;;) {
    const [job] = await call()['jobs.list']({}, options);
    if (job !== undefined && wanted(job)) return job;
    if (Date.now() > deadline) throw new Error(`The job is still ${JSON.stringify(job)}.`);
    await sleep(20);
  }
}

async function previewOf(events: AsyncIterable<{ kind: string; preview?: LibraryPreview }>) {
  for await (const event of events) if (event.preview !== undefined) return event.preview;
  throw new Error('There was no preview.');
}

/** each byte is a token: seconds of reading with the reference backend */
const CHAPTER = 'The harbour of Tarsk lies in the north, where nothing grows. '.repeat(36);
const readSome = ({ state, progress }: JobStatus): boolean =>
  state === 'running' && progress?.phase === 'read' && progress.done > 600;
const isDone = ({ state }: JobStatus): boolean => state === 'done';

it('drop, preview, add, pause, resume, cancel, go on, retry, update with its cost', async () => {
  const folder = await test.write({ 'one.txt': CHAPTER, 'two.txt': 'The lamp burns whale oil.' });
  // a workbook that can't be read yet: of the same size and time as the good one
  const book = join(folder, 'whales.xlsx');
  await copyFile(sheets, book);
  const { size, mtime } = await stat(book);
  await writeFile(book, Buffer.alloc(size, 'PK\x03\x04 no archive '));
  await utimes(book, mtime, mtime);

  // the drop: a preview, and nothing is changed by it
  const paths = [folder];
  const before = await previewOf(
    call()['library.add']({ name: 'coast', paths, preview: true, read: 'always' }, options),
  );
  expect(before).toMatchObject({ added: 3, files: { total: 3, toExtract: 3 } });
  expect(before.read?.tokens).toBeGreaterThan(CHAPTER.length / 4);
  expect(await call()['library.list']({}, options)).toEqual([]);

  // add, pause, resume, cancel, go on: nothing is read twice
  await call()['jobs.start']({ kind: 'add', name: 'coast', paths, read: 'always' }, options);
  await until(readSome);
  expect(await call()['jobs.pause']({ name: 'coast' }, options)).toMatchObject({ state: 'paused' });
  const paused = await call()['library.map']({ name: 'coast' }, options);
  await call()['jobs.resume']({ name: 'coast' }, options);
  await until(
    ({ progress, ...job }) => readSome({ ...job, progress }) && (progress?.done ?? 0) > paused.read,
  );
  expect(await call()['jobs.cancel']({ name: 'coast' }, options)).toMatchObject({ state: 'cancelled' });
  await call()['jobs.resume']({ name: 'coast' }, options);
  const first = await until(isDone);
  expect(first.report?.counts).toMatchObject({ read: 2, refused: 1 });
  expect(first.report?.state?.tokens).toBe(first.report?.state?.libraryTokens);
  expect(first.report?.state?.reusedTokens).toBeGreaterThan(0);

  // the workbook is whole now, with its old size and time: it is read again when that is asked for
  await copyFile(sheets, book);
  await utimes(book, mtime, mtime);
  await call()['jobs.start']({ kind: 'update', name: 'coast', retry: true }, options);
  const retried = await until(({ state, report }) => state === 'done' && report?.changed === 1);
  expect(retried.report?.counts).toMatchObject({ read: 3, refused: 0 });
  const hits = await call()['library.search']({ name: 'coast', query: 'whale' }, options);
  expect(hits.map(({ path }) => path)).toContain('files/whales.xlsx');

  // an update: the preview says from where on it reads again; the report agrees
  await writeFile(join(folder, 'two.txt'), 'The lamp burns oil of rape.');
  const cost = await previewOf(call()['library.update']({ name: 'coast', preview: true }, options));
  expect(cost).toMatchObject({ changed: 1, added: 0, unchanged: 2 });
  expect(cost.read?.fromCheckpoint).toBeGreaterThan(0);
  await call()['jobs.start']({ kind: 'update', name: 'coast' }, options);
  const updated = await until(({ state, report }) => state === 'done' && report?.unchanged === 2);
  expect(updated.report?.state?.reusedTokens).toBeGreaterThanOrEqual(cost.read?.fromCheckpoint ?? Infinity);
  expect(updated.report?.state?.readTokens).toBeLessThan(updated.report?.state?.libraryTokens ?? 0);
  expect(await readFile(join(folder, 'two.txt'), 'utf8')).toContain('rape'); // files are never touched
});
