/** Changes on disk are noticed by themselves: with a real folder, store and scan. */
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { AppEvent } from '../../shared/rpc/index.ts';
import type { Ingest } from '../ingest/index.ts';
import { createIngest, extractorVersion } from '../ingest/index.ts';
import type { Store } from '../store/index.ts';
import { openStore } from '../store/index.ts';
import { filesBefore, indexVersion, planBuild } from './library-build.ts';
import { LibraryWatch } from './library-watch.ts';

const never = new AbortController().signal;
const ignore = (): void => undefined;
const HOUR = 3_600_000;
const tokenizer = {
  kind: 'bpe' as const,
  fingerprint: 'bytes',
  encode: (text: string) => Int32Array.from(Buffer.from(text)),
} as unknown as Parameters<typeof indexVersion>[2]['tokenizer'];

let folder: string;
let files: string;
let store: Store;
let ingest: Ingest;
let watch: LibraryWatch;
let clock = 0;
let busy = false;
let scans = 0;
let events: AppEvent[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'longleaf-watch-'));
  files = join(folder, 'files');
  await mkdir(files);
  for (const name of ['a', 'b', 'c', 'd']) await write(name, `text of ${name}`);
  store = await openStore({ dataFolder: join(folder, 'data') });
  const real = createIngest();
  ingest = { ...real, scan: (...args) => (scans++, real.scan(...args)) };
  [clock, busy, scans, events] = [0, false, 0, []];
  await store.createLibrary({ name: 'docs', roots: [files], read: 'never' });
  await update();
  watch = watchWith(ingest);
});

afterEach(async () => {
  await watch.close();
  await ingest.close();
  await store.close();
  await rm(folder, { recursive: true });
});

function watchWith(other: Ingest): LibraryWatch {
  const build = { store, ingest: other, extractorVersion, maxFileBytes: 1e6 };
  const emit = (event: AppEvent): void => void events.push(event);
  return new LibraryWatch({ store, build, emit, isUnwanted: () => busy, now: () => clock });
}

const write = (name: string, text: string) => writeFile(join(files, `${name}.txt`), text);

async function library() {
  const found = await store.library('docs');
  if (found === null) throw new Error('The library is gone.');
  return found;
}

async function update(): Promise<void> {
  const before = await filesBefore(store, await library());
  const config = { store, ingest, extractorVersion, maxFileBytes: 1e6 };
  const plan = await planBuild(config, await library(), before, {}, ignore, never);
  await indexVersion(config, await library(), { tokenizer }, plan, before, ignore, never);
}

/** somebody comes back after an hour; what was told by then */
async function comeBack(): Promise<readonly AppEvent[]> {
  clock += HOUR;
  await watch.look();
  return events.splice(0);
}

const NONE = { added: 0, changed: 0, renamed: 0, removed: 0 };

it('tells of changed, new, renamed and removed files, once, and that they are as before again', async () => {
  expect(await comeBack()).toEqual([]);
  const { versionId } = await library();
  await write('a', 'another text');
  await write('e', 'a new file');
  await writeFile(join(files, '.env'), 'KEY=1'); // is left out: nothing to update
  await rename(join(files, 'b.txt'), join(files, 'z.txt'));
  await rm(join(files, 'c.txt'));
  const told = { kind: 'changed', name: 'docs', versionId, added: 1, changed: 1, renamed: 1, removed: 1 };
  expect(await comeBack()).toEqual([told]);
  expect(await comeBack()).toEqual([]);
  expect(watch.told()).toEqual([told]);

  await write('d', 'changed too');
  expect(await comeBack()).toEqual([{ ...told, changed: 2 }]);

  await update();
  expect(await comeBack()).toEqual([]);
  await write('a', 'text for a while');
  expect(await comeBack()).toMatchObject([{ ...NONE, changed: 1 }]);
  await write('a', 'another text');
  expect(await comeBack()).toMatchObject([NONE]);
  expect(watch.told()).toEqual([]);
});

it('a touched file is no change, and neither is a drive that is not plugged in', async () => {
  await write('a', 'text of a');
  expect(await comeBack()).toEqual([]);
  await rename(files, `${files} elsewhere`);
  expect(await comeBack()).toEqual([]);
  await rename(`${files} elsewhere`, files);
  await write('a', 'text of another');
  expect(await comeBack()).toHaveLength(1);
});

it('does not look while something else is done, nor more often than once a minute', async () => {
  scans = 0;
  busy = true;
  await comeBack();
  expect(scans).toBe(0);
  busy = false;
  await comeBack();
  expect(scans).toBe(1);
  for (let i = 0; i < 59; i++) {
    clock += 1_000;
    await watch.look();
  }
  expect(scans).toBe(1);
  clock += 1_000;
  await Promise.all([watch.look(), watch.look()]);
  expect(scans).toBe(2);
});

it('a look that took long is followed by a longer rest', async () => {
  scans = 0;
  await watch.close();
  const slow: Ingest = { ...ingest, scan: (...args) => ((clock += 10_000), ingest.scan(...args)) };
  watch = watchWith(slow);
  await comeBack();
  expect(scans).toBe(1);
  clock += 499_000;
  await watch.look();
  expect(scans).toBe(1);
  clock += 2_000;
  await watch.look();
  expect(scans).toBe(2);
});

it('what begins meanwhile ends the look, and closing does not wait for the rest of a large folder', async () => {
  let seen = 0;
  async function* endless(): AsyncGenerator<never> {
    for (;;) {
      if (++seen === 1_000) busy = true;
      yield entryOf(seen) as never;
    }
  }
  await watch.close();
  watch = watchWith({ ...ingest, scan: endless });
  expect(await comeBack()).toEqual([]);
  expect(seen).toBeLessThan(2_000);

  busy = false;
  clock += HOUR;
  const looking = watch.look();
  await watch.close();
  await looking;
  expect(events).toEqual([]);
});

function entryOf(i: number): object {
  const path = `files/${String(i)}.txt`;
  return { path, absolutePath: `/${path}`, bytes: 1, mtimeMs: 1, kind: 'text', outcome: null, reason: null };
}
