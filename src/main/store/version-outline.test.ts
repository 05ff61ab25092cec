import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ContentHash, VersionId } from '../../shared/model/index.ts';
import { documentOf, fileOf, hashOf, libraryOf, StoreFixture } from './store.fixture.ts';

const fixture = new StoreFixture();
beforeEach(() => fixture.open());
afterEach(() => fixture.close());

const page = { limit: 100, offset: 0 };

describe('a small version', () => {
  let version: VersionId;
  beforeEach(async () => {
    const { version: made } = await libraryOf(fixture.store, 'coast', [
      ['src/a.ts', hashOf('a')],
      ['src/deep/er/b.ts', hashOf('b')],
      ['src/node_modules/', null],
      ['src/copy-of-a.ts', hashOf('a')],
      ['notes.txt', hashOf('c')],
    ]);
    version = made;
  });

  it('folders first, with counts; a copy counts where it was read', async () => {
    const top = await fixture.store.versionFolder(version, { folder: '', ...page });
    expect(top.entries).toEqual([
      {
        kind: 'folder',
        path: 'src',
        files: 4,
        tokens: 6,
        counts: { read: 3, partly: 0, refused: 0, skipped: 1 },
        start: 0,
      },
      expect.objectContaining({ kind: 'file', path: 'notes.txt', tokens: 3, start: 6, readAs: 'notes.txt' }),
    ]);
    const src = await fixture.store.versionFolder(version, { folder: 'src', ...page });
    expect(src.entries.map((entry) => [entry.kind, entry.path, entry.start])).toEqual([
      ['folder', 'src/deep', 3],
      ['file', 'src/a.ts', 0],
      ['file', 'src/copy-of-a.ts', 0],
      ['file', 'src/node_modules/', null],
    ]);
    expect(src.entries.at(-1)).toMatchObject({ outcome: 'skipped', reason: 'binary' });
    expect(await fixture.store.versionTotals(version)).toEqual({
      files: 5,
      documents: 3,
      tokens: 9,
      bytes: 60,
    });
  });

  it('pages across folders and files, filters below a folder in any case, and knows no folder that is not there', async () => {
    const entries = await Promise.all(
      [0, 1, 2, 3].map(async (offset) => {
        const { entries: found } = await fixture.store.versionFolder(version, {
          folder: 'src',
          limit: 1,
          offset,
        });
        return found.map(({ path }) => path);
      }),
    );
    expect(entries.flat()).toEqual(['src/deep', 'src/a.ts', 'src/copy-of-a.ts', 'src/node_modules/']);
    const found = await fixture.store.versionFolder(version, { folder: 'src', filter: 'A.TS', ...page });
    expect(found).toMatchObject({ total: 2 });
    // the folder's own name is not what is looked for
    const none = await fixture.store.versionFolder(version, { folder: 'src', filter: 'src', ...page });
    expect(none.total).toBe(0);
    expect(await fixture.store.versionFolder(version, { folder: 'sr', ...page })).toEqual({
      folder: 'sr',
      total: 0,
      entries: [],
    });
  });

  it('the order of reading: each document once, and what could not be read where it would stand', async () => {
    const units = await fixture.store.versionUnits(version, { from: 0, to: Infinity }, 400);
    expect(units.map(({ path, start, tokens }) => [path, start, tokens])).toEqual([
      ['src/a.ts', 0, 3],
      ['src/deep/er/b.ts', 3, 3],
      ['notes.txt', 6, 3],
    ]);
    const stretch = await fixture.store.versionUnits(version, { from: 4, to: 6 }, 400);
    expect(stretch.map(({ path }) => path)).toEqual(['src/deep/er/b.ts']);
    const joined = await fixture.store.versionUnits(version, { from: 0, to: Infinity }, 2);
    expect(joined).toEqual([
      { path: 'src', start: 0, tokens: 6, failed: false, partly: false },
      { path: 'notes.txt', start: 6, tokens: 3, failed: false, partly: false },
    ]);
  });

  it('names like parts of an object are names', async () => {
    const { version: odd } = await libraryOf(fixture.store, 'odd', [
      ['__proto__/constructor', hashOf('d')],
      ['toString', hashOf('e')],
    ]);
    const top = await fixture.store.versionFolder(odd, { folder: '', ...page });
    expect(top.entries.map(({ path }) => path)).toEqual(['__proto__', 'toString']);
    const inside = await fixture.store.versionFolder(odd, { folder: '__proto__', ...page });
    expect(inside.entries.map(({ path }) => path)).toEqual(['__proto__/constructor']);
  });
});

describe('a version of 100,000 files', () => {
  const FILES = 100_000;
  const hashAt = (i: number) => i.toString(16).padStart(64, '0') as ContentHash;
  const pathAt = (i: number) =>
    `root/pkg${String(i % 1000).padStart(3, '0')}/src/module${String(i % 7)}/file${String(i)}.ts`;

  it('gives pages and at most 400 units, whatever its size', { timeout: 120_000 }, async () => {
    const { store } = fixture;
    const library = await store.createLibrary({ name: 'huge', roots: ['/r'], read: 'never' });
    const version = await store.beginVersion(library.id);
    const order = Array.from({ length: FILES }, (_, i) => i).sort((a, b) => (pathAt(a) < pathAt(b) ? -1 : 1));
    for (let from = 0; from < FILES; from += 2000)
      await store.putVersionFiles(
        version,
        order.slice(from, from + 2000).map((i, j) => fileOf(from + j, pathAt(i), hashAt(i))),
      );
    await store.commitVersion(library.id, version);

    const times: Record<string, number> = {};
    const timed = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
      const started = performance.now();
      const result = await work();
      times[what] = Math.round(performance.now() - started);
      return result;
    };
    const totals = await timed('totals', () => store.versionTotals(version));
    expect(totals).toMatchObject({ files: FILES, tokens: 3 * FILES });
    const first = await timed('folder, first', () =>
      store.versionFolder(version, { folder: 'root', ...page }),
    );
    expect(first).toMatchObject({ total: 1000 });
    expect(first.entries).toHaveLength(100);
    expect(first.entries[7]).toMatchObject({ path: 'root/pkg007', files: 100, tokens: 300 });
    const next = await timed('folder, next', () =>
      store.versionFolder(version, { folder: 'root/pkg007/src/module1', ...page }),
    );
    expect(next.entries.every((entry) => entry.kind === 'file')).toBe(true);
    const filtered = await timed('filter', () =>
      store.versionFolder(version, { folder: '', filter: 'FILE9999', limit: 5, offset: 0 }),
    );
    expect(filtered.entries).toHaveLength(5);
    expect(filtered.total).toBe(11);
    const units = await timed('units', () => store.versionUnits(version, { from: 0, to: Infinity }, 400));
    // 1,000 packages are more than 400: one level up
    expect(units).toEqual([{ path: 'root', start: 0, tokens: 3 * FILES, failed: false, partly: false }]);
    const zoomed = await timed('units, zoomed', () =>
      store.versionUnits(version, { from: 0, to: 30_000 }, 400),
    );
    expect(zoomed).toHaveLength(100);
    expect(zoomed[99]).toMatchObject({ path: 'root/pkg099/src' });
    const deep = await store.versionUnits(version, { from: 0, to: 900 }, 400);
    expect(deep).toHaveLength(300);
    await timed('totals, again', () => store.versionTotals(version));
    if (process.env['LONGLEAF_TIMES'] !== undefined) console.log(times);
  });
});

describe('a stretch of a document', () => {
  const put = async (text: string) => {
    const { document, passages } = documentOf(hashOf('f'), [text]);
    await fixture.store.putDocument(document, passages);
  };
  const slice = (from: number, length: number) => fixture.store.documentSlice(hashOf('f'), from, length);

  it('is widened to whole lines, and says where it stands', async () => {
    await put('one\ntwo\nthree\nfour\n');
    expect(await slice(5, 1)).toMatchObject({ from: 4, line: 2, text: 'two\n', length: 19, lines: 4 });
    expect(await slice(5, 4)).toMatchObject({ from: 4, line: 2, text: 'two\nthree\n' });
    expect(await slice(0, 1000)).toMatchObject({ from: 0, line: 1, text: 'one\ntwo\nthree\nfour\n' });
    expect(await slice(500, 10)).toMatchObject({ from: 14, line: 4, text: 'four\n' });
  });

  it('of one endless line is a part, never half a character', async () => {
    await put('😀'.repeat(100_000));
    const found = await slice(100_001, 1001);
    expect(found).toMatchObject({ from: 100_000, line: 1, lines: 1 });
    expect(found?.text.isWellFormed()).toBe(true);
    expect(found?.text.length).toBeLessThan(2_000);
  });

  it('follows the document when another extractor has read it anew', async () => {
    await put('old');
    expect(await slice(0, 10)).toMatchObject({ text: 'old' });
    const { document, passages } = documentOf(hashOf('f'), ['new text']);
    await fixture.store.putDocument({ ...document, extractorVersion: 2 }, passages);
    expect(await slice(0, 10)).toMatchObject({ text: 'new text' });
    expect(await fixture.store.documentSlice(hashOf('0'), 0, 10)).toBeNull();
  });
});

describe('search in a library', () => {
  it('finds all words in one passage, the last one as a beginning, with the line and marks', async () => {
    const { store } = fixture;
    const one = documentOf(hashOf('1'), ['The lamp burns.\nThe lighthouse keeper sleeps.', 'Nothing here.']);
    const two = documentOf(hashOf('2'), ['The keeper of another lighthouse.']);
    for (const { document, passages } of [one, two]) await store.putDocument(document, passages);
    const { version } = await libraryOf(store, 'coast', [['a.txt', hashOf('1')]]);
    const find = (query: string, limit = 10, offset = 0) =>
      store.searchDocuments(version, query, { limit, offset });
    const hits = await find('lighthouse keep');
    expect(hits).toEqual([
      expect.objectContaining({ path: 'a.txt', start: 0, line: 2, section: 'one' }) as object,
    ]);
    expect(hits[0]?.snippet).toContain('The \u0001lighthouse\u0002 \u0001keeper\u0002 sleeps');
    expect(await find('lighthouse nothing')).toEqual([]);
    expect(await find('"NOT (syntax* AND')).toEqual([]);
    expect(await find('...')).toEqual([]);
    expect(await find('the', 1, 1)).toEqual([]);
  });

  it('passages of some documents only, where a question names them', async () => {
    const { store } = fixture;
    for (const digit of ['1', '2']) {
      const { document, passages } = documentOf(hashOf(digit), [`The keeper number ${digit}.`]);
      await store.putDocument(document, passages);
    }
    const { version } = await libraryOf(store, 'coast', [
      ['a.txt', hashOf('1')],
      ['b.txt', hashOf('2')],
    ]);
    const paths = async (documents?: readonly string[]) =>
      (await store.searchPassages(version, { words: ['keeper'], identifiers: [], documents }, 10)).map(
        ({ path }) => path,
      );
    expect((await paths()).toSorted()).toEqual(['a.txt', 'b.txt']);
    expect(await paths(['b.txt'])).toEqual(['b.txt']);
    expect(await paths([])).toEqual([]);
  });
});
