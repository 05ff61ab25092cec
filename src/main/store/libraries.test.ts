import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { LibraryId, VersionId } from '../../shared/model/index.ts';
import { documentOf, fileOf, StoreFixture, hashOf, libraryOf } from './store.fixture.ts';

const fixture = new StoreFixture();
beforeEach(() => fixture.open());
afterEach(() => fixture.close());

describe('libraries', () => {
  it('misuse: names, unknown ids, finished versions', async () => {
    const { library, version } = await libraryOf(fixture.store, 'moby', []);
    await expect(
      fixture.store.createLibrary({ name: ' moby ', roots: [], read: 'auto' }),
    ).rejects.toMatchObject({
      code: 'conflict',
    });
    await expect(fixture.store.createLibrary({ name: ' ', roots: [], read: 'auto' })).rejects.toMatchObject({
      code: 'invalid-input',
    });
    const none = 'none' as LibraryId;
    for (const call of [
      fixture.store.updateLibrary(none, {}),
      fixture.store.removeLibrary(none),
      fixture.store.beginVersion(none),
      fixture.store.putVersionFiles('none' as VersionId, []),
      fixture.store.commitVersion(library.id, 'none' as VersionId),
    ])
      await expect(call).rejects.toMatchObject({ code: 'not-found' });
    await expect(fixture.store.putVersionFiles(version, [fileOf(0, 'a', null)])).rejects.toMatchObject({
      code: 'conflict',
    });
    expect(await fixture.store.library('nothing')).toBeNull();
    expect(await fixture.store.libraryById(none)).toBeNull();
  });

  it('a version appears as a whole; an unfinished one leaves the old in place', async () => {
    const { library, version } = await libraryOf(fixture.store, 'moby', [
      ['b.txt', hashOf('b')],
      ['a.txt', null],
    ]);
    const started = await fixture.store.beginVersion(library.id);
    await fixture.store.putVersionFiles(started, [fileOf(0, 'c.txt', hashOf('c'))]);
    await fixture.reopen();
    expect((await fixture.store.library('moby'))?.versionId).toBe(version);
    expect(await fixture.store.versionFiles(version)).toEqual([
      expect.objectContaining({ path: 'b.txt', hash: hashOf('b'), mtimeMs: 1.5 }),
      expect.objectContaining({ path: 'a.txt', hash: null, outcome: 'skipped', reason: 'binary' }),
    ]);
    const again = await fixture.store.beginVersion(library.id);
    expect(await fixture.store.versionFiles(started)).toEqual([]);
    await fixture.store.putVersionFiles(again, [fileOf(0, 'c.txt', hashOf('c')), fileOf(1, 'd.txt', null)]);
    await fixture.store.putVersionFiles(again, [fileOf(1, 'e.txt', null)]);
    await fixture.store.commitVersion(library.id, again);
    expect((await fixture.store.libraryById(library.id))?.versionId).toBe(again);
    expect((await fixture.store.versionFiles(again)).map((file) => file.path)).toEqual(['c.txt', 'e.txt']);
    expect(await fixture.store.versionFiles(version)).toHaveLength(2);
  });

  it('lists in order of creation, renames, changes the way of reading', async () => {
    const { library } = await libraryOf(fixture.store, 'moby', []);
    await libraryOf(fixture.store, 'alice', []);
    expect((await fixture.store.libraries()).map((found) => found.name)).toEqual(['moby', 'alice']);
    await expect(fixture.store.updateLibrary(library.id, { name: 'alice' })).rejects.toMatchObject({
      code: 'conflict',
    });
    await fixture.store.updateLibrary(library.id, { name: 'whales', read: 'always', roots: ['/a', '/b'] });
    expect(await fixture.store.library('whales')).toMatchObject({
      id: library.id,
      read: 'always',
      roots: ['/a', '/b'],
    });
  });

  it('removal takes the documents that no other library has, and no conversation', async () => {
    const [own, both] = [documentOf(hashOf('1'), ['own whale']), documentOf(hashOf('2'), ['shared whale'])];
    await fixture.store.putDocument(own.document, own.passages);
    await fixture.store.putDocument(both.document, both.passages);
    const { library } = await libraryOf(fixture.store, 'one', [
      ['own', hashOf('1')],
      ['both', hashOf('2')],
    ]);
    const other = await libraryOf(fixture.store, 'two', [['both', hashOf('2')]]);
    const conversation = await fixture.store.createConversation({
      title: 't',
      libraryId: library.id,
      systemPrompt: '',
    });
    await fixture.store.putJob({
      id: 'j',
      kind: 'add',
      libraryId: library.id,
      state: 'running',
      detail: '{}',
    });
    await fixture.store.removeLibrary(library.id);
    expect(await fixture.store.document(hashOf('1'))).toBeNull();
    expect(await fixture.store.document(hashOf('2'))).toEqual(both.document);
    expect((await fixture.store.conversation(conversation.id))?.libraryId).toBeNull();
    expect(await fixture.store.jobs()).toEqual([]);
    expect(await fixture.store.documentFrequencies(other.version, ['whale'])).toEqual({
      total: 1,
      counts: [1],
    });
    expect((await fixture.store.health()).integrity).toBe('ok');
  });
});

describe('documents and tokens', () => {
  it('misuse: passages outside the text, tokens before the document', async () => {
    const { document, passages } = documentOf(hashOf('1'), ['abc']);
    const outside = passages.map((passage) => ({ ...passage, end: 4 }));
    await expect(fixture.store.putDocument(document, outside)).rejects.toMatchObject({
      code: 'invalid-input',
    });
    expect(await fixture.store.hasDocument(document.hash, 1)).toBe(false);
    await expect(fixture.store.putTokens(document.hash, 't', new Int32Array(1))).rejects.toMatchObject({
      code: 'not-found',
    });
    expect(await fixture.store.document(document.hash)).toBeNull();
    expect(await fixture.store.tokens(document.hash, 't')).toBeNull();
    expect(await fixture.store.tokenCount(document.hash, 't')).toBeNull();
    expect(await fixture.store.passagesAround(document.hash, 0, 3)).toEqual([]);
  });

  it('the same hash again changes nothing; a newer extractor replaces text, passages and tokens', async () => {
    const { document, passages } = documentOf(hashOf('1'), ['ab ', 'cd']);
    await fixture.store.putDocument(document, passages);
    await fixture.store.putDocument({ ...document, text: 'other' }, []);
    const ids = Int32Array.of(1, -2, 2 ** 31 - 1);
    await fixture.store.putTokens(document.hash, 'bpe', ids.subarray(1));
    expect(await fixture.store.document(document.hash)).toEqual(document);
    expect(await fixture.store.tokens(document.hash, 'bpe')).toEqual(ids.subarray(1));
    expect(await fixture.store.tokenCount(document.hash, 'bpe')).toBe(2);
    expect(await fixture.store.passagesAround(document.hash, 1, 1)).toEqual([
      { passage: passages[0], text: 'ab ' },
      { passage: passages[1], text: 'cd' },
    ]);
    const newer = { ...document, text: 'xyz', extractorVersion: 2, title: null };
    await fixture.store.putDocument(newer, []);
    expect(await fixture.store.hasDocument(document.hash, 1)).toBe(false);
    expect(await fixture.store.hasDocument(document.hash, 2)).toBe(true);
    expect(await fixture.store.document(document.hash)).toEqual(newer);
    expect(await fixture.store.tokens(document.hash, 'bpe')).toBeNull();
    expect(await fixture.store.passagesAround(document.hash, 0, 9)).toEqual([]);
  });

  it('tokens of many documents at once: as asked for, and none where one is missing, older or of another tokenizer', async () => {
    const [a, b, c] = [
      documentOf(hashOf('1'), ['a']),
      documentOf(hashOf('2'), ['b']),
      documentOf(hashOf('3'), ['c']),
    ];
    for (const { document, passages } of [a, b, c]) await fixture.store.putDocument(document, passages);
    await fixture.store.putTokens(a.document.hash, 'bpe', new Int32Array(3));
    await fixture.store.putTokens(b.document.hash, 'other', new Int32Array(4));
    await fixture.store.putTokens(c.document.hash, 'bpe', new Int32Array(5));
    const asked = [c, a, b, c].map(({ document }) => document.hash);
    expect(await fixture.store.tokenCounts([...asked, hashOf('4')], 1, 'bpe')).toEqual([5, 3, null, 5, null]);
    expect(await fixture.store.tokenCounts(asked, 2, 'bpe')).toEqual([null, null, null, null]);
    expect(await fixture.store.tokenCounts([], 1, 'bpe')).toEqual([]);
  });
});
