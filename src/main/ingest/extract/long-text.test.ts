import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import iconv from 'iconv-lite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Encoding } from '../../../shared/encodings.ts';
import { createIngest } from '../index.ts';
import { makePassages } from '../passages/index.ts';
import type { ExtractedDocument, FileFormat, TextPiece } from '../types.ts';
import { extractDocument } from './document.ts';
import { readLongText, type LongTextOptions } from './long-text.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'longleaf-long-text-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const alive = (): void => undefined;
const targetTokens = 300;

interface Read {
  readonly document: ExtractedDocument;
  readonly pieces: readonly TextPiece[];
}

async function inPieces(
  bytes: Buffer,
  size: Pick<LongTextOptions, 'pieceUnits' | 'chunkBytes'>,
  kind: FileFormat = 'text',
  encoding: Encoding | null = null,
): Promise<Read> {
  const pieces: TextPiece[] = [];
  const hand = (piece: TextPiece): Promise<boolean> => Promise.resolve(pieces.push(piece) > 0);
  const file = { absolutePath: join(folder, 'long.txt'), kind, member: null, encoding };
  writeFileSync(file.absolutePath, bytes);
  return { document: await readLongText(file, { targetTokens, alive, hand, ...size }), pieces };
}

function whole(kind: FileFormat = 'text', encoding: Encoding | null = null): Promise<ExtractedDocument> {
  return extractDocument({ absolutePath: join(folder, 'long.txt'), kind, member: null, encoding }, alive);
}

/** everything that may stand at a border: line ends of all kinds, characters of one to four bytes, NUL, a late mark */
const hard = Array.from(
  { length: 400 },
  (_, i) =>
    `Line ${String(i)} né 鯨 \u{1f40b}\u{1f1ef}\u{1f1f5}${'\r\n'.repeat(i % 3)}${'\r'.repeat(i % 2)}\n${i % 7 === 0 ? '\0\ufeff' : 'word '.repeat(i % 9)}`,
).join('');

const encodingsOfHard = ['utf-8', 'utf-16le', 'utf-16be', 'utf-32le', 'gb18030'] as const;

describe('a long text in pieces', () => {
  it.each(encodingsOfHard)(
    '%s: is the text that reading it whole gives, wherever it is cut',
    async (name) => {
      const bytes = iconv.encode(hard, name, { addBOM: name !== 'gb18030' });
      const chosen = name === 'gb18030' ? name : null;
      for (const [chunkBytes, pieceUnits] of [
        [1, 64],
        [7, 1000],
        [1021, 333],
        [4096, 2 ** 21],
      ] as const) {
        const { document, pieces } = await inPieces(bytes, { chunkBytes, pieceUnits }, 'text', chosen);
        const expected = await whole('text', chosen);
        expect(pieces.map(({ text }) => text).join('')).toBe(expected.text);
        expect(document).toMatchObject({ hash: expected.hash, encoding: expected.encoding });
        expect([document.length, document.outcome]).toEqual([expected.text.length, expected.outcome]);
      }
    },
  );

  it('offsets, lines and numbers of passages count from the beginning; each piece is well-formed', async () => {
    const { pieces } = await inPieces(Buffer.from(hard), { chunkBytes: 13, pieceUnits: 500 });
    const text = pieces.map((piece) => piece.text).join('');
    const lineOf = (at: number): number => text.slice(0, at).split('\n').length;
    expect(pieces.length).toBeGreaterThan(20);
    let [start, index] = [0, 0];
    for (const piece of pieces) {
      expect([piece.start, piece.line]).toEqual([start, lineOf(start)]);
      expect(piece.text.isWellFormed() && piece.text.length <= 500).toBe(true);
      for (const passage of piece.passages) {
        expect([passage.index, passage.start]).toEqual([index++, start]);
        const words = text.slice(passage.start, passage.end);
        const first = passage.start + words.length - words.trimStart().length;
        if (words.trim() !== '') expect(passage.lineStart).toBe(lineOf(first));
        expect(passage.lineEnd).toBeGreaterThanOrEqual(passage.lineStart);
        start = passage.end;
      }
    }
    expect(start).toBe(text.length);
  });

  it('of one piece has the passages and sections that it has when it is read whole', async () => {
    const chapters = Array.from(
      { length: 30 },
      (_, i) => `CHAPTER ${String(i + 1)}\n\n${'A sentence of a chapter. '.repeat(90)}\n\n`,
    ).join('');
    for (const [kind, text] of [
      ['text', chapters],
      ['markdown', chapters.replaceAll('CHAPTER', '## Chapter')],
      ['code', `class A {\n${'  run() {\n    return 1;\n  }\n'.repeat(400)}}\n`],
      ['csv', `name,size\n${'whale,30\n'.repeat(3000)}`],
    ] as const) {
      const { document, pieces } = await inPieces(Buffer.from(text), {}, kind);
      const expected = await whole(kind);
      expect(pieces).toHaveLength(1);
      expect(pieces[0]?.passages).toEqual(makePassages(expected, targetTokens));
      expect(document.sections).toEqual(expected.sections);
    }
  });

  it('a piece goes on under the heading of the one before; the columns of a table head all of it', async () => {
    const prose = `CHAPTER 1. Loomings.\n\n${'Call me Ishmael, some years ago.\n\n'.repeat(200)}`;
    const book = await inPieces(Buffer.from(prose), { pieceUnits: 1000 });
    expect(book.pieces.at(-1)?.passages.at(-1)?.section).toBe('CHAPTER 1. Loomings.');
    const rows = `name,size\n${'whale,30\n'.repeat(3000)}`;
    const table = await inPieces(Buffer.from(rows), { pieceUnits: 1000 }, 'csv');
    expect(new Set(table.pieces.flatMap(({ passages }) => passages.map(({ section }) => section)))).toEqual(
      new Set(['name,size']),
    );
  });

  it('says what could not be decoded, and what was guessed', async () => {
    const damaged = Buffer.concat([
      Buffer.from('né '.repeat(5000)),
      Buffer.from([0xff, 0xc3]),
      Buffer.from('né '.repeat(5000)),
    ]);
    const broken = await inPieces(damaged, { chunkBytes: 777, pieceUnits: 4000 });
    expect(broken.document).toMatchObject({ outcome: 'partly', reason: (await whole()).reason });
    const japanese = iconv.encode('これは日本語の文章です。鯨は大きい。\n'.repeat(9000), 'shift_jis');
    const guessed = await inPieces(japanese, { chunkBytes: 1001 });
    const { encoding, reason } = await whole();
    expect(guessed.document).toMatchObject({ encoding, reason });
    expect(reason).toMatch(/guessed/);
  });

  it('without any text is refused; one whose pieces are not wanted is interrupted', async () => {
    await expect(inPieces(Buffer.from(' \n'.repeat(50_000)), { pieceUnits: 1000 })).rejects.toMatchObject({
      code: 'unsupported',
    });
    const file = {
      absolutePath: join(folder, 'long.txt'),
      kind: 'text',
      member: null,
      encoding: null,
    } as const;
    writeFileSync(file.absolutePath, 'words '.repeat(1000));
    const hand = (): Promise<boolean> => Promise.resolve(false);
    await expect(readLongText(file, { targetTokens, alive, hand })).rejects.toMatchObject({
      code: 'interrupted',
    });
  });
});

it('a long text of many chapters needs no more memory than a short one: no heading holds on to its piece', async () => {
  const path = join(folder, 'chapters.txt');
  // 2 bytes a letter in memory: 64 MB, read in a heap of 56
  const chapter = (n: number): string =>
    `CHAPTER ${String(n)}. The whale’s ${String(n)}th spout\n\n${'The sea rolled on as it rolled before. '.repeat(200)}\n\n`;
  writeFileSync(path, Array.from({ length: 4000 }, (_, i) => chapter(i + 1)).join(''));
  const ingest = createIngest({ workers: 1, heapMB: 56 });
  try {
    const entries = await Array.fromAsync(ingest.scan([path], { maxFileBytes: 2 ** 28 }));
    const document = await ingest.extract(entries[0]!, undefined, () => Promise.resolve(true));
    expect(document.length).toBeGreaterThan(31e6);
    expect(document.sections.length).toBeGreaterThan(3900);
  } finally {
    await ingest.close();
  }
}, 120_000);
