import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { VersionId } from '../../shared/model/index.ts';
import { documentOf, StoreFixture, hashOf, libraryOf } from './store.fixture.ts';

const fixture = new StoreFixture();
beforeEach(() => fixture.open());
afterEach(() => fixture.close());

describe('searchPassages', () => {
  const code = documentOf(hashOf('c'), [
    ['import { openPool, closePool } from "./pool.ts"; openPool(); openPool(); // openPool openPool'],
    ['export function openPool(size) { return new Pool(size); }', 'openPool'],
    ['class Pool { connect() {} }', 'Pool', 'connect'],
    ['const open_pool = 1; // nothing to see'],
  ]);
  const prose = documentOf(hashOf('p'), [
    'The Pequod sailed from Nantucket. ',
    'Captain Ahab hunted the white whale with his crew. ',
    'Whales, whales, whales everywhere. ',
    'They ate chowder at the Try Pots. ',
    '捕鯨船ピークォド号の船長はエイハブである。',
    'แมวกินปลา การล่าปลาวาฬ',
  ]);
  const foreign = documentOf(hashOf('f'), [
    'Captain Ahab of another library, Ahab Ahab Ahab',
    'filler one',
    'filler two',
  ]);
  let version: VersionId;

  beforeEach(async () => {
    for (const { document, passages } of [code, prose, foreign])
      await fixture.store.putDocument(document, passages);
    ({ version } = await libraryOf(fixture.store, 'main', [
      ['src/pool.ts', hashOf('c')],
      ['moby.txt', hashOf('p')],
      ['copy of moby.txt', hashOf('p')],
    ]));
    await libraryOf(fixture.store, 'other', [['other.txt', hashOf('f')]]);
  });

  const search = async (words: string[], identifiers: string[] = [], limit = 5) =>
    (await fixture.store.searchPassages(version, { words, identifiers }, limit)).map((hit) => hit.text);

  it('finds by words of this version only, best first, with path, text and passage', async () => {
    const hits = await fixture.store.searchPassages(
      version,
      { words: ['captain', 'Ahab'], identifiers: [] },
      5,
    );
    expect(hits[0]).toMatchObject({
      path: 'moby.txt',
      text: 'Captain Ahab hunted the white whale with his crew. ',
    });
    expect(hits[0]?.passage).toEqual(prose.passages[1]);
    expect(hits.every((hit) => !hit.text.includes('another library'))).toBe(true);
    expect((await search(['whale', 'white']))[0]).toContain('white whale');
    expect(await search(['whaling'])).toHaveLength(2);
    const scores = (
      await fixture.store.searchPassages(version, { words: ['whale', 'pequod'], identifiers: [] }, 5)
    ).map((hit) => hit.score);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    expect(scores.at(-1)).toBeGreaterThan(0);
  });

  it('a passage that defines the identifier stands first, however often others name it', async () => {
    expect((await search(['where', 'is', 'openPool', 'implemented'], ['openPool']))[0]).toContain(
      'export function',
    );
    expect((await search([], ['Pool.connect']))[0]).toContain('class Pool');
    expect((await search([], ['openpool']))[0]).toContain('export function');
    expect((await search([], ['open_pool']))[0]).toContain('open_pool = 1');
    expect(await search(['pool'])).toHaveLength(4);
  });

  it('Japanese and Thai', async () => {
    expect((await search(['エイハブ船長の船の名前は何ですか']))[0]).toContain('ピークォド');
    expect((await search(['鯨']))[0]).toContain('捕鯨船');
    expect((await search(['ปลาวาฬ']))[0]).toContain('แมว');
  });

  it('no query can break it', async () => {
    const hostile = [
      '"',
      '""" OR terms:*',
      'AND',
      'NOT',
      'NEAR(',
      '\0',
      '\ud800',
      'x'.repeat(100_000),
      '*',
      '{terms}:a',
      '_',
      '',
    ];
    for (const text of [...hostile, hostile.join(' ')]) {
      await expect(
        fixture.store.searchPassages(version, { words: [text], identifiers: [text] }, 3),
      ).resolves.toBeInstanceOf(Array);
      await expect(fixture.store.documentFrequencies(version, [text])).resolves.toMatchObject({
        counts: [expect.any(Number)],
      });
    }
    expect(await search([], [])).toEqual([]);
    expect(await search(['whale'], [], 0)).toEqual([]);
    expect(await search(['whale'], [], -3)).toEqual([]);
    expect(
      await fixture.store.searchPassages('none' as VersionId, { words: ['whale'], identifiers: [] }, 3),
    ).toEqual([]);
    expect(await search(Array.from({ length: 5000 }, (_, index) => `w${String(index)}`))).toEqual([]);
  });

  it('document frequencies are exact, within the version', async () => {
    const words = ['ahab', 'whale', 'Whales', 'nothing', 'エイハブ', '鯨', 'openPool', 'zzz', '"'];
    expect(await fixture.store.documentFrequencies(version, words)).toEqual({
      total: 10,
      counts: [1, 2, 2, 1, 1, 1, 2, 0, 0],
    });
    const { version: empty } = await libraryOf(fixture.store, 'empty', []);
    expect(await fixture.store.documentFrequencies(empty, ['ahab'])).toEqual({ total: 0, counts: [0] });
  });
});
