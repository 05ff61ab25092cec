import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createIngest, extractorVersion } from '../ingest/index.ts';
import type { Ingest } from '../ingest/index.ts';
import { openStore } from '../store/index.ts';
import { filesBefore, indexVersion, planBuild } from './library-build.ts';

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

async function until<T>(look: () => Promise<T | null>): Promise<T> {
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline) {
    const found = await look();
    if (found !== null) return found;
  }
  throw new Error('It did not happen in 20 seconds.');
}
