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

it('a second look opens no file that was read, and yet nothing is lost', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'longleaf-again-'));
  const store = await openStore({ dataFolder: join(folder, 'data') });
  const ingest = createIngest();
  try {
    const files = join(folder, 'files');
    await mkdir(files);
    const put = async (name: string, content: string | Buffer): Promise<void> => {
      await writeFile(join(files, name), content);
      await utimes(join(files, name), 1e9, 1e9);
    };
    await put('read.md', '# Loomings\n\nCall me Ishmael.');
    await put(
      'partly.txt',
      Buffer.concat([
        Buffer.from('größere Flüsse, süße Äpfel, schöne Türme, grüne Wälder'),
        Buffer.from([0xff]),
      ]),
    );
    await put('refused.txt', ' \n\t\n');
    await put('skipped.txt', Buffer.alloc(40));
    const { id } = await store.createLibrary({ name: 'again', roots: [files], read: 'never' });
    const model = { tokenizer: tokenizer as unknown as Parameters<typeof indexVersion>[2]['tokenizer'] };
    const library = async () => (await store.libraryById(id)) ?? fail('the library is gone');
    const look = async (order: Parameters<typeof planBuild>[3] = {}, version = extractorVersion) => {
      const config = { store, ingest, extractorVersion: version, maxFileBytes: 1e6 };
      const before = await filesBefore(store, await library());
      const plan = await planBuild(config, await library(), before, order, () => undefined, never);
      const known = await library();
      const update = () => indexVersion(config, known, model, plan, before, () => undefined, never);
      return { counts: countChanges(plan), before, update };
    };
    const { files: first } = await (await look()).update();
    expect(first.map(({ path, outcome }) => [path, outcome])).toEqual([
      ['files/partly.txt', 'partly'],
      ['files/read.md', 'read'],
      ['files/refused.txt', 'refused'],
      ['files/skipped.txt', 'skipped'],
    ]);
    const { versionId } = await library();

    // other bytes of the same size and time: only who opens the file sees them
    const length = Buffer.byteLength('# Loomings\n\nCall me Ishmael.');
    await put('read.md', Buffer.alloc(length));
    const none = { unchanged: 0, changed: 0, renamed: 0, added: 0, removed: 0 };
    const second = await look();
    expect(second.counts).toEqual({ ...none, unchanged: 4 });
    expect((await second.update()).files).toEqual(first);
    expect((await library()).versionId).toBe(versionId);

    const verified = (await (await look({ verify: true })).update()).files;
    expect(verified.find(({ path }) => path === 'files/read.md')).toMatchObject({ outcome: 'skipped' });

    // a newer program reads everything anew, whatever the format is that the scan did not look for
    await put('read.md', '# Loomings\n\nCall me Ishmael!');
    await (await look()).update();
    const newer = (await (await look({}, extractorVersion + 1)).update()).files;
    expect(newer.map(({ path, outcome, reason }) => [path, outcome, reason])).toEqual(
      first.map(({ path, outcome, reason }) => [path, outcome, reason]),
    );
    const document = newer.find(({ path }) => path === 'files/read.md')?.hash ?? fail('it was not read');
    expect(await store.hasDocument(document, extractorVersion + 1)).toBe(true);
    expect(await store.documentHead(document)).toMatchObject({ kind: 'markdown' });

    // what was refused is tried again by itself where nothing but its opening had failed
    await rm(join(files, 'read.md'));
    await put('gone.txt', 'there and gone');
    const planned = await look();
    await rm(join(files, 'gone.txt'));
    const missed = (await planned.update()).files;
    expect(missed.find(({ path }) => path === 'files/gone.txt')).toMatchObject({
      outcome: 'refused',
      mtimeMs: 0,
    });
    await put('gone.txt', 'there and gone');
    const back = await look();
    expect(back.counts).toMatchObject({ changed: 1 });
    const last = (await back.update()).files;
    expect(last.find(({ path }) => path === 'files/gone.txt')).toMatchObject({ outcome: 'read' });
  } finally {
    await ingest.close();
    await store.close();
    await rm(folder, { recursive: true });
  }
});

function fail(why: string): never {
  throw new Error(why);
}

async function until<T>(look: () => Promise<T | null>): Promise<T> {
  const deadline = Date.now() + 200_000;
  while (Date.now() < deadline) {
    const found = await look();
    if (found !== null) return found;
  }
  throw new Error('It did not happen in 20 seconds.');
}
