import { mkdir, mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createIngest, extractorVersion } from '../ingest/index.ts';
import type { Ingest } from '../ingest/index.ts';
import { openStore } from '../store/index.ts';
import { filesBefore, indexVersion, planBuild } from './library-build.ts';
import { countChanges } from './version-plan.ts';
import { storedZip } from './zip.fixture.ts';

const never = new AbortController().signal;
const tokenizer = {
  kind: 'bpe' as const,
  fingerprint: 'bytes',
  encode: (text: string) => Int32Array.from(Buffer.from(text)),
};

it('a library can be asked while it is indexed for the first time; what is missing says so and comes later', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'longleaf-early-'));
  const store = await openStore({ dataFolder: join(folder, 'data') });
  const real = createIngest();
  const release = Promise.withResolvers<undefined>();
  const ingest: Ingest = {
    ...real,
    // the last file takes its time
    extract: async (entry, signal) => {
      if (entry.path.endsWith('d.txt')) await release.promise;
      return real.extract(entry, signal);
    },
  };
  try {
    const files = join(folder, 'files');
    await mkdir(files);
    for (const name of ['a', 'b', 'c', 'd']) await writeFile(join(files, `${name}.txt`), `text of ${name}`);
    const library = await store.createLibrary({ name: 'early', roots: [files], read: 'never' });
    const config = { store, ingest, extractorVersion, maxFileBytes: 1e6, firstEarlyVersionMs: 0 };
    const plan = await planBuild(config, library, [], {}, () => undefined, never);
    const model = { tokenizer: tokenizer as unknown as Parameters<typeof indexVersion>[2]['tokenizer'] };
    const indexing = indexVersion(config, library, model, plan, [], () => undefined, never);

    const early = await until(async () => (await store.libraryById(library.id))?.versionId ?? null);
    const listed = await store.versionFiles(early);
    expect(listed.map(({ path }) => path)).toEqual([
      'files/a.txt',
      'files/b.txt',
      'files/c.txt',
      'files/d.txt',
    ]);
    expect(listed.some(({ outcome }) => outcome === 'read')).toBe(true);
    expect(listed.at(-1)).toMatchObject({ outcome: 'skipped', hash: null, tokens: 0 });
    expect(listed.at(-1)?.reason).toContain('not indexed yet');
    // cut off here, the next run takes the missing ones for new, not for changed
    const again = await store.library('early');
    if (again === null) throw new Error('the library is gone');
    const before = await filesBefore(store, again);
    expect(before.every(({ hash }) => hash !== null)).toBe(true);

    release.resolve(undefined);
    const contents = await indexing;
    expect(contents.documents).toHaveLength(4);
    const done = await store.library('early');
    expect(done?.versionId).not.toBe(early);
    expect((await filesBefore(store, done ?? again)).map(({ outcome }) => outcome)).toEqual(
      Array(4).fill('read'),
    );
  } finally {
    release.resolve(undefined);
    await real.close();
    await store.close();
    await rm(folder, { recursive: true });
  }
});

it('files in archives are compared by their content: a verified, repacked or renamed archive is not read again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'longleaf-archives-'));
  const store = await openStore({ dataFolder: join(folder, 'data') });
  const ingest = createIngest();
  try {
    const files = join(folder, 'files');
    await mkdir(files);
    const packed = join(files, 'a.zip');
    await writeFile(packed, storedZip('one.txt', Buffer.from('Call me Ishmael.')));
    await writeFile(join(files, 'b.txt'), 'beside it');
    const library = await store.createLibrary({ name: 'packed', roots: [files], read: 'never' });
    const config = { store, ingest, extractorVersion, maxFileBytes: 1e6 };
    const model = { tokenizer: tokenizer as unknown as Parameters<typeof indexVersion>[2]['tokenizer'] };
    const first = await planBuild(config, library, [], {}, () => undefined, never);
    await indexVersion(config, library, model, first, [], () => undefined, never);
    const known = await store.library('packed');
    if (known === null) throw new Error('the library is gone');
    const before = await filesBefore(store, known);
    const changes = async (verify: boolean): Promise<object> =>
      countChanges(await planBuild(config, known, before, { verify }, () => undefined, never));

    const none = { unchanged: 0, changed: 0, renamed: 0, added: 0, removed: 0 };
    expect(await changes(true)).toEqual({ ...none, unchanged: 2 });
    await utimes(packed, 1e9, 1e9);
    expect(await changes(false)).toEqual({ ...none, unchanged: 2 });
    await rename(packed, join(files, 'z.zip'));
    expect(await changes(false)).toEqual({ ...none, unchanged: 1, renamed: 1 });
    await writeFile(join(files, 'z.zip'), storedZip('one.txt', Buffer.from('Call me Ishmaël.')));
    expect(await changes(false)).toEqual({ ...none, unchanged: 1, added: 1, removed: 1 });
  } finally {
    await ingest.close();
    await store.close();
    await rm(folder, { recursive: true });
  }
});

async function until<T>(look: () => Promise<T | null>): Promise<T> {
  const deadline = Date.now() + 200_000;
  while (Date.now() < deadline) {
    const found = await look();
    if (found !== null) return found;
  }
  throw new Error('It did not happen in 20 seconds.');
}
