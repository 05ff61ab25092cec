/** Search in scripts without spaces, in mixed texts and in source code: hits in place, with the right marks and lines. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { VersionId } from '../../shared/model/index.ts';
import { documentOf, hashOf, libraryOf, StoreFixture } from './store.fixture.ts';

const fixture = new StoreFixture();
let version: VersionId;

const texts = {
  'chinese.txt': '北京大学在北京。\n他在东京学习汉语，住在东京都。\n我们研究自然语言处理。\n',
  'japanese.txt':
    '京都は古い都である。\n東京へ行った。\n東京都の人口は多い。\n捕鯨船ピークォド号の船長。\nＰＤＦファイルとｶﾞｲﾄﾞﾌﾞｯｸ。\n',
  'thai.txt': 'แมวกินปลา\nการล่าปลาวาฬในทะเล\n',
  'mixed.txt': 'The 東京 office uses Longleaf検索 with ＡＢＣ１２３ and 𠮷野家.\n',
  'pool.ts': 'const openPool = () => read_next_page(HTTPServer2);\n',
};

beforeEach(async () => {
  await fixture.open();
  const files: [string, ReturnType<typeof hashOf>][] = [];
  for (const [i, [path, text]] of Object.entries(texts).entries()) {
    const hash = hashOf(String(i + 1));
    const { document, passages } = documentOf(hash, [text]);
    await fixture.store.putDocument(document, passages);
    files.push([path, hash]);
  }
  ({ version } = await libraryOf(fixture.store, 'all', files));
});
afterEach(() => fixture.close());

/** file:line of each hit and what is marked in it */
async function find(query: string): Promise<string[]> {
  const hits = await fixture.store.searchDocuments(version, query, { limit: 10, offset: 0 });
  return hits
    .map(({ path, line, snippet }) => {
      const marks = [...snippet.matchAll(/\u0001([^\u0002]*)\u0002/g)].map((match) => match[1]);
      return `${path}:${String(line)} ${marks.join(' ')}`;
    })
    .toSorted();
}

describe('words of scripts without spaces', () => {
  it.each([
    ['鯨', ['japanese.txt:4 鯨']],
    ['都', ['chinese.txt:2 都', 'japanese.txt:1 都 都 都']],
    ['汉语', ['chinese.txt:2 汉语']],
    ['东京', ['chinese.txt:2 东京 东京']],
    // not the line with 東京 alone
    ['東京都', ['japanese.txt:3 東京都']],
    ['捕鯨船', ['japanese.txt:4 捕鯨船']],
    ['自然语言处理', ['chinese.txt:3 自然语言处理']],
    ['ピークォド', ['japanese.txt:4 ピークォド']],
    ['ปลา', ['thai.txt:1 ปลา ปลา']],
    ['ปลาวาฬ', ['thai.txt:2 ปลาวาฬ']],
    ['𠮷', ['mixed.txt:1 𠮷']],
    ['𠮷野家', ['mixed.txt:1 𠮷野家']],
    // the words of another order, or with something between them, are another word
    ['都京', []],
    ['東都', []],
  ])('%s', async (query, found) => {
    expect(await find(query)).toEqual(found);
  });
});

describe('mixed and folded forms', () => {
  it.each([
    ['東京 office', ['mixed.txt:1 東京 office']],
    ['longleaf', ['mixed.txt:1 Longleaf']],
    ['Longleaf検索', ['mixed.txt:1 Longleaf 検索']],
    ['abc123', ['mixed.txt:1 ＡＢＣ１２３']],
    ['ＯＦＦＩＣＥ', ['mixed.txt:1 office']],
    ['PDF', ['japanese.txt:5 ＰＤＦ']],
    ['ガイド', ['japanese.txt:5 ｶﾞｲﾄﾞ']],
    ['ガイドブック', ['japanese.txt:5 ｶﾞｲﾄﾞﾌﾞｯｸ']],
    ['ﾌｧｲﾙ', ['japanese.txt:5 ファイル']],
  ])('%s', async (query, found) => {
    expect(await find(query)).toEqual(found);
  });
});

it.each([
  ['openPool', 'openPool'],
  ['pool', 'openPool'],
  ['read next page', 'read_next_page'],
  ['read_next_page', 'read_next_page'],
  ['page', 'read_next_page'],
  ['httpserver2', 'HTTPServer2'],
  ['server2', 'HTTPServer2'],
])('identifiers by their parts: %s', async (query, marked) => {
  expect(await find(query)).toEqual([`pool.ts:1 ${marked}`]);
});
