/** A text in pieces is found, shown and counted as if it were one; what was not finished is not there. */
import { afterEach, beforeEach, expect, it } from 'vitest';

import type { VersionId } from '../../shared/model/index.ts';
import { documentOf, hashOf, libraryOf, StoreFixture } from './store.fixture.ts';

const fixture = new StoreFixture();
const hash = hashOf('a');
const tokenizer = 'one';
beforeEach(() => fixture.open());
afterEach(() => fixture.close());

/** three pieces of two lines each, "the whale 0 \n" … */
const lines = Array.from({ length: 6 }, (_, i) => `the whale ${String(i)} 鯨\n`);
const { document, passages } = documentOf(hash, lines);
const { text: whole, ...head } = document;
const pieces = [0, 2, 4].map((first) => ({
  start: passages[first]?.start ?? 0,
  line: first + 1,
  text: lines.slice(first, first + 2).join(''),
  passages: passages.slice(first, first + 2),
}));

async function put(from: number, to: number): Promise<void> {
  for (const { passages: found, ...piece } of pieces.slice(from, to))
    await fixture.store.putPiece(hash, piece, found, { tokenizer, ids: Int32Array.of(piece.line, 7) });
}

async function library(): Promise<VersionId> {
  return (await libraryOf(fixture.store, 'long', [['long.txt', hash]])).version;
}

it('is found, shown and read like one text', async () => {
  const { store } = fixture;
  expect(await store.beginLongDocument(head)).toBe(0);
  await put(0, 3);
  expect(await store.finishLongDocument(head, tokenizer)).toBe(6);
  const version = await library();
  expect(await store.tokens(hash, tokenizer)).toEqual(Int32Array.of(1, 7, 3, 7, 5, 7));
  expect((await store.document(hash))?.text).toBe(whole);
  expect(await store.documentText(hash, 3, whole.length - 2)).toBe(whole.slice(3, -2));
  const hits = await store.searchDocuments(version, 'whale 4', { limit: 5, offset: 0 });
  expect(hits).toMatchObject([{ path: 'long.txt', line: 5, start: passages[4]?.start }]);
  const [found] = await store.searchPassages(version, { words: ['5'], identifiers: [] }, 5);
  expect(found?.text).toBe(lines[5]);
  expect((await store.passagesAround(hash, 2, 1)).map(({ text }) => text)).toEqual(lines.slice(1, 4));
  for (let from = 0; from < whole.length; from += 5) {
    const slice = await store.documentSlice(hash, from, 9);
    if (slice === null) throw new Error('no slice');
    expect(slice).toMatchObject({ length: whole.length, lines: 6 });
    expect(slice.text).toBe(whole.slice(slice.from, slice.from + slice.text.length));
    expect(slice.line).toBe(whole.slice(0, slice.from).split('\n').length);
    expect(slice.from <= from && slice.from + slice.text.length >= Math.min(from + 9, whole.length)).toBe(
      true,
    );
  }
});

it('goes on where it was interrupted, and is not there before its end', async () => {
  await fixture.store.beginLongDocument(head);
  await put(0, 2);
  await fixture.reopen();
  const { store } = fixture;
  expect(await store.hasDocument(hash, head.extractorVersion)).toBe(false);
  expect([await store.document(hash), await store.documentHead(hash)]).toEqual([null, null]);
  expect(await store.beginLongDocument(head)).toBe(pieces[2]?.start);
  await put(0, 3); // what is there stays as it is
  expect(await store.finishLongDocument(head, tokenizer)).toBe(6);
  const version = await library();
  expect(await store.documentFrequencies(version, ['whale'])).toEqual({ total: 6, counts: [6] });
  expect(await store.health()).toMatchObject({ integrity: 'ok' });
});

it('begun by another extractor, begins anew; takes ids of another tokenizer piece by piece', async () => {
  const { store } = fixture;
  await store.beginLongDocument({ ...head, extractorVersion: 5 });
  await put(0, 2);
  expect(await store.beginLongDocument(head)).toBe(0);
  await put(0, 3);
  expect(await store.finishLongDocument(head, 'other')).toBe(null);
  expect(await store.tokenCount(hash, 'other')).toBe(null);
  for (let start: number | null = 0; start !== null;) {
    const piece: Awaited<ReturnType<typeof store.documentPiece>> = await store.documentPiece(hash, start);
    await store.putTokenPiece(hash, 'other', start, Int32Array.of(start));
    start = piece?.next ?? null;
  }
  expect(await store.finishTokens(hash, 'other')).toBe(3);
  expect(await store.tokens(hash, 'other')).toEqual(Int32Array.from(pieces, ({ start }) => start));
  await store.removeLibrary((await libraryOf(store, 'long', [['long.txt', hash]])).library.id);
  expect(await store.documentText(hash, 0, 10)).toBe('');
});
