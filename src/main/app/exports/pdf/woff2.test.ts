import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { create } from 'fontkit';
import { describe, expect, it } from 'vitest';
import { OutlineFont } from './outline-font.ts';
import { decodeWoff2, writeSfnt } from './woff2.ts';

const read = (path: string): Buffer =>
  readFileSync(fileURLToPath(import.meta.resolve(`@fontsource-variable/${path}`)));
const files = [
  'literata/files/literata-latin-opsz-normal.woff2',
  'literata/files/literata-latin-opsz-italic.woff2',
  'inter/files/inter-greek-opsz-normal.woff2',
  'jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2',
  'noto-serif-jp/files/noto-serif-jp-119-wght-normal.woff2',
  'noto-sans-jp/files/noto-sans-jp-3-wght-normal.woff2',
];

describe('WOFF2', () => {
  it.each(files)('%s gives the outlines that fontkit finds in it', (file) => {
    const ours = create(writeSfnt(0x00010000, decodeWoff2(read(file))));
    const theirs = create(read(file));
    let glyphs = 0;
    for (; glyphs < 200; glyphs++) {
      const [a, b] = [ours.getGlyph(glyphs), theirs.getGlyph(glyphs)];
      if (b.path.commands.length === 0 && glyphs > 60) break;
      expect(a.path.commands).toEqual(b.path.commands);
      expect(a.advanceWidth).toBe(b.advanceWidth);
    }
    expect(glyphs).toBeGreaterThan(10);
  });

  it('a subset has the outlines of the wanted weight, accents included', () => {
    const file = read('literata/files/literata-latin-opsz-normal.woff2');
    const font = new OutlineFont(file, { name: 'x', axes: { wght: 650, opsz: 12 }, ligatures: true });
    const { glyphs } = font.layout('Aàé');
    const subset = font.createSubset();
    const numbers = glyphs.map((glyph) => subset.includeGlyph(glyph.id));
    expect(numbers).toEqual([1, 2, 3]);
    const written = create(subset.encode());
    for (const [index, glyph] of glyphs.entries()) {
      const points = (one: typeof glyph) => one.path.commands.flatMap(({ args }) => args).map(Math.round);
      const [wanted, got] = [points(glyph), points(written.getGlyph(index + 1))];
      expect(Math.min(...got)).toBe(Math.min(...wanted));
      expect(Math.max(...got)).toBe(Math.max(...wanted));
      expect(written.getGlyph(index + 1).advanceWidth).toBe(Math.round(glyph.advanceWidth));
    }
  });

  it.each([
    Buffer.alloc(0),
    Buffer.from('wOF2'),
    Buffer.from('OTTO'.padEnd(100)),
    Buffer.from('wOF2'.padEnd(100, '\u0001')),
  ])('what is no font is refused: %#', (bytes) => expect(() => decodeWoff2(bytes)).toThrow());
});
