import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';

import { describe, expect, it } from 'vitest';

import { Archive } from '../zip.ts';
import { extractEpub } from './epub.ts';
import { resolveHref } from './epub-package.ts';

const data = resolve(
  process.env['LONGLEAF_TEST_DATA'] ?? join(import.meta.dirname, '../../../../../shared/data'),
);

function booksIn(folder: string, extension = /\.epub$/i): string[] {
  const path = join(data, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => extension.test(name))
    .map((name) => join(path, name))
    .filter((file) => statSync(file).isFile())
    .sort();
}

/** a zip archive of deflated entries, by the book (APPNOTE 4.3) */
function zipOf(entries: Readonly<Record<string, string | Buffer>>): Buffer {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let offset = 0;
  for (const [path, content] of Object.entries(entries)) {
    const name = Buffer.from(path);
    const raw = Buffer.from(content);
    const packed = deflateRawSync(raw);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(0x800, 2);
    common.writeUInt16LE(8, 4);
    common.writeUInt32LE(crc32(raw), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(raw.length, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, name, packed]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    centrals.push(Buffer.concat([Buffer.from('PK\x01\x02'), Buffer.from([20, 0]), common, tail, name]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(centrals);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(centrals.length, 8);
  end.writeUInt16LE(centrals.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}

const container =
  '<container><rootfiles><rootfile full-path="c/p.opf" media-type="application/oebps-package+xml"/></rootfiles></container>';

function bookOf(
  documents: Readonly<Record<string, string>>,
  more: { toc?: string; extra?: Record<string, string>; spine?: string } = {},
): Buffer {
  const names = Object.keys(documents);
  const items = names.map(
    (name, index) => `<item id="i${String(index)}" href="${name}" media-type="application/xhtml+xml"/>`,
  );
  const nav =
    more.toc === undefined
      ? ''
      : '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>';
  const spine = more.spine ?? names.map((_, index) => `<itemref idref="i${String(index)}"/>`).join('');
  return zipOf({
    mimetype: 'application/epub+zip',
    'META-INF/container.xml': container,
    'c/p.opf': `<package xmlns:dc="d"><metadata><dc:title>The Book</dc:title><dc:language>en</dc:language></metadata><manifest>${items.join('')}${nav}</manifest><spine>${spine}</spine></package>`,
    ...Object.fromEntries(names.map((name) => [`c/${name}`, documents[name] ?? ''])),
    ...(more.toc === undefined
      ? {}
      : { 'c/nav.xhtml': `<html><body><nav epub:type="toc"><ol>${more.toc}</ol></nav></body></html>` }),
    ...more.extra,
  });
}

describe('extractEpub: what is wrong is said', () => {
  it('refuses what is no book, or copy-protected', async () => {
    const cases: [Buffer, RegExp][] = [
      [Buffer.from(''), /no zip archive/],
      [Buffer.from('PK\x03\x04 cut off'), /not a readable zip/],
      [zipOf({ a: 'b' }), /container\.xml is missing/],
      [zipOf({ 'META-INF/container.xml': '' }), /not XML/],
      [zipOf({ 'META-INF/container.xml': '<container/>' }), /package document is missing/],
      [zipOf({ 'META-INF/container.xml': container, 'c/p.opf': '<package/>' }), /no spine/],
      [bookOf({ 'a.xhtml': '<img src="x.png"/>' }), /pictures only/],
      [bookOf({ 'a.xhtml': 'x' }, { spine: '<itemref idref="none"/>' }), /no item "none"/],
      [
        bookOf(
          { 'a.xhtml': 'x' },
          {
            extra: {
              'META-INF/encryption.xml':
                '<encryption><EncryptedData><EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/><CipherData><CipherReference URI="c/a.xhtml"/></CipherData></EncryptedData></encryption>',
            },
          },
        ),
        /copy-protected/,
      ],
    ];
    for (const [bytes, message] of cases) await expect(extractEpub(bytes)).rejects.toThrow(message);
  });

  it('what is missing in the middle is named, the rest is read', async () => {
    const book = bookOf({
      'a.xhtml': '<p>One.</p>',
      '../../../etc/passwd': 'x',
      'http://127.0.0.1:9/x': 'x',
      'b.xhtml': '<p>Two.</p>',
    });
    const { text, problems } = await extractEpub(book).catch(() => ({ text: '', problems: [] }));
    expect(text === '' || (text === 'One.\n\nTwo.' && problems.length === 2)).toBe(true);
  });

  it('no reference leads outside the archive', () => {
    expect(resolveHref('c/p.opf', 'a%20b.xhtml#x')).toEqual({ name: 'c/a b.xhtml', fragment: 'x' });
    expect(resolveHref('c/p.opf', '../t.xhtml')).toEqual({ name: 't.xhtml', fragment: null });
    expect(resolveHref('c/p.opf', '/t.xhtml')).toEqual({ name: 't.xhtml', fragment: null });
    for (const href of [
      '../../t',
      '..%2f..%2ft',
      'http://h/t',
      'file:///etc/passwd',
      '//h/t',
      'javascript:x',
    ])
      expect(resolveHref('c/p.opf', href).name, href).toBeNull();
  });

  it('limits: a bomb ends at the limit, names of too many entries, deep nesting is no overflow', async () => {
    const bomb = bookOf({ 'a.xhtml': ' '.repeat(40 * 2 ** 20) });
    await expect(extractEpub(bomb)).rejects.toThrow(/to 1; the limit is 200/);
    const limits = { entries: 2, entryBytes: 10, totalBytes: 15, ratio: 200 };
    await expect(Archive.open(zipOf({ a: '', b: '', c: '' }), limits)).rejects.toThrow(
      /3 entries; the limit is 2/,
    );
    const archive = await Archive.open(zipOf({ a: 'x'.repeat(10), b: 'y'.repeat(10) }), limits);
    await archive.read('a');
    await expect(archive.read('b')).rejects.toThrow(/the limit is 15/);
    await expect(archive.read('c')).rejects.toThrow(/no "c"/);
    const deep = await extractEpub(bookOf({ 'a.xhtml': `${'<div>'.repeat(20_000)}deep` }));
    expect(deep.text).toBe('deep');
  });
});

describe('extractEpub', () => {
  it('text in spine order, linear or not; chapters from the table of contents, with headings below them', async () => {
    const book = bookOf(
      {
        'z.xhtml': '<h1>Chapter 1</h1><p>One.</p><h2>A part of it</h2><p>Two.</p>',
        'a.xhtml': '<p>Still one.</p>',
        'n.xhtml': '<p id="x">Note.</p><h1 id="c2">II</h1><p>Three.</p>',
      },
      {
        spine: '<itemref idref="i0"/><itemref idref="i1" linear="no"/><itemref idref="i2"/>',
        toc: '<li><a href="z.xhtml">Chapter 1: Loomings</a></li><li><span>Part</span><ol><li><a href="n.xhtml#c2">Chapter 2</a></li></ol></li>',
      },
    );
    const { text, title, language, sections, problems } = await extractEpub(book);
    expect({ title, language, problems }).toEqual({ title: 'The Book', language: 'en', problems: [] });
    expect(text).toBe('Chapter 1\n\nOne.\n\nA part of it\n\nTwo.\n\nStill one.\n\nNote.\n\nII\n\nThree.');
    expect(
      sections.map(({ start, end, headings }) => [text.slice(start, end).trim(), headings.join('|')]),
    ).toEqual([
      ['Chapter 1\n\nOne.', 'The Book|Chapter 1: Loomings'],
      ['A part of it\n\nTwo.\n\nStill one.\n\nNote.', 'The Book|Chapter 1: Loomings|A part of it'],
      ['II\n\nThree.', 'The Book|Part|Chapter 2|II'],
    ]);
    expect(sections.map(({ start, end }) => text.slice(start, end)).join('')).toBe(text);
  });

  const samples = booksIn('epub3-samples');
  it.skipIf(samples.length === 0)(
    'the samples: all their text, in order (skipped without data/epub3-samples)',
    async () => {
      const sizes: Record<string, [number, string, string]> = {
        'moby-dick.epub': [1_200_000, 'Call me Ishmael.', 'It was the devious-cruising Rachel'],
        'childrens-literature.epub': [290_000, 'FAIRY STORIES', 'BIBLIOGRAPHY'],
        'kusamakura-japanese-vertical-writing.epub': [
          90_000,
          '山路を登りながら',
          '胸中の画面はこの咄嗟の際に成就した',
        ],
        'wasteland.epub': [25_000, 'April is the cruellest month', 'Shantih shantih shantih'],
      };
      for (const file of samples) {
        const book = await extractEpub(readFileSync(file));
        const [least, early, late] = sizes[file.split('/').at(-1) ?? ''] ?? [1, '', ''];
        expect(book.text.length, file).toBeGreaterThan(least);
        expect(book.problems, file).toEqual([]);
        expect(book.text.indexOf(early), early).toBeGreaterThanOrEqual(0);
        expect(book.text.indexOf(late), late).toBeGreaterThan(book.text.indexOf(early));
        expect(book.sections.map(({ start, end }) => book.text.slice(start, end)).join('')).toBe(book.text);
      }
    },
  );

  const moby = samples.find((file) => file.endsWith('moby-dick.epub'));
  it.skipIf(moby === undefined)(
    'Moby-Dick: 135 chapters, each under its title (skipped without data/epub3-samples)',
    async () => {
      const { text, sections } = await extractEpub(readFileSync(moby ?? ''));
      const chapters = sections.filter(({ headings }) => /^Chapter \d+\./i.test(headings[1] ?? ''));
      expect(new Set(chapters.map(({ headings }) => headings[1])).size).toBe(135);
      const ship = chapters.find(({ headings }) => headings[1]?.endsWith('The Ship.'));
      expect(text.slice(ship?.start, ship?.end)).toContain('Pequod');
    },
  );

  const hard = [
    ...booksIn('epubcheck'),
    ...booksIn('own/epub'),
    ...booksIn('own/zip', /\.zip$/),
    ...booksIn('zip', /\.zip$/),
  ];
  it.skipIf(hard.length === 0)(
    'broken, hostile and odd archives: text, or a refusal in words (skipped without data)',
    { timeout: 60_000 },
    async () => {
      const found: Record<string, string> = {};
      for (const file of hard) {
        const started = process.cpuUsage();
        const name = file.slice(data.length + 1);
        found[name] = await extractEpub(readFileSync(file)).then(
          ({ text }) => (text.length > 0 ? 'text' : 'silent'),
          (error: unknown) =>
            error instanceof Error && 'code' in error && error.message.length > 20
              ? String(error.code)
              : `bad: ${String(error)}`,
        );
        expect(process.cpuUsage(started).user / 1e6, name).toBeLessThan(2);
      }
      expect(
        Object.entries(found).filter(
          ([, outcome]) => !['text', 'invalid-input', 'unsupported'].includes(outcome),
        ),
      ).toEqual([]);
      expect(
        Object.entries(found)
          .filter(([name, outcome]) => /-valid|minimal/.test(name) && outcome !== 'text')
          .map(([name]) => name),
      ).toEqual(['epubcheck/packed/ocf-encryption-unknown-valid.epub']);
      expect(
        Object.entries(found).filter(([name, outcome]) => /-fatal/.test(name) && outcome === 'text'),
      ).toEqual([]);
      expect(found['own/epub/rootfile-missing.epub']).toBe('invalid-input');
      expect(found['own/zip/slip-dotdot.zip']).toBe('invalid-input');
    },
  );

  const laughs = booksIn('own/epub').find((file) => file.endsWith('billion-laughs.epub'));
  it.skipIf(laughs === undefined)('entities are not expanded (skipped without data/own)', async () => {
    const { text } = await extractEpub(readFileSync(laughs ?? ''));
    expect(text).toBe('&j;');
  });
});
