/**
 * Stands in for characters that none of the fonts has: an empty box, as wide as the character would be. Each
 * character has a glyph of its own, so that searching and copying in the PDF still give the character.
 */
import { writeSfnt } from './woff2.ts';
import { encodeSimpleGlyph } from './woff2-glyphs.ts';

const wide = /[\p{Script=Hangul}\p{Script=Han}\p{Emoji_Presentation}\p{Extended_Pictographic}]/u;

interface BoxRun {
  readonly glyphs: readonly {
    readonly id: number;
    readonly advanceWidth: number;
    readonly codePoints: readonly number[];
  }[];
  readonly positions: readonly {
    readonly xAdvance: number;
    readonly yAdvance: number;
    readonly xOffset: number;
    readonly yOffset: number;
  }[];
  readonly advanceWidth: number;
}

export class MissingFont {
  readonly postscriptName = 'Longleaf-Missing';
  readonly unitsPerEm = 1000;
  readonly ascent = 880;
  readonly descent = -120;
  readonly lineGap = 0;
  readonly xHeight = 500;
  readonly capHeight = 700;
  readonly italicAngle = 0;
  readonly bbox = { minX: 0, minY: -120, maxX: 1000, maxY: 880 };
  readonly 'OS/2' = { sFamilyClass: 0 };
  readonly post = { isFixedPitch: 0 };
  readonly head = { macStyle: { italic: false } };
  /** code point -> glyph; 0 is .notdef */
  readonly #glyphs = new Map<number, number>();

  getGlyph(): { readonly advanceWidth: number } {
    return { advanceWidth: 600 };
  }

  layout(text: string): BoxRun {
    const glyphs = Array.from(text, (character) => {
      const codePoint = character.codePointAt(0) ?? 0xfffd;
      const id = this.#glyphs.get(codePoint) ?? this.#glyphs.size + 1;
      this.#glyphs.set(codePoint, id);
      return { id, advanceWidth: widthOf(character), codePoints: [codePoint] };
    });
    return {
      glyphs,
      positions: glyphs.map(({ advanceWidth }) => ({
        xAdvance: advanceWidth,
        yAdvance: 0,
        xOffset: 0,
        yOffset: 0,
      })),
      advanceWidth: glyphs.reduce((sum, { advanceWidth }) => sum + advanceWidth, 0),
    };
  }

  createSubset(): { includeGlyph: (id: number) => number; encode: () => Buffer } {
    const widths = [600];
    const numbers = new Map([[0, 0]]);
    return {
      includeGlyph: (id) => {
        const number = numbers.get(id) ?? numbers.size;
        if (!numbers.has(id)) {
          numbers.set(id, number);
          const [codePoint = 0] = [...this.#glyphs].find(([, glyph]) => glyph === id) ?? [];
          widths.push(widthOf(String.fromCodePoint(codePoint)));
        }
        return number;
      },
      encode: () => boxes(widths),
    };
  }
}

function widthOf(character: string): number {
  return wide.test(character) ? 1000 : 600;
}

function boxes(widths: readonly number[]): Buffer {
  const glyphs = widths.map((width) => frame(width));
  const loca = Buffer.alloc((glyphs.length + 1) * 4);
  const hmtx = Buffer.alloc(glyphs.length * 4);
  let offset = 0;
  glyphs.forEach((glyph, index) => {
    offset += glyph.length;
    loca.writeUInt32BE(offset, (index + 1) * 4);
    hmtx.writeUInt16BE(widths[index] ?? 0, index * 4);
    hmtx.writeInt16BE(80, index * 4 + 2);
  });
  const head = Buffer.alloc(54);
  head.writeUInt32BE(0x00010000, 0);
  head.writeUInt32BE(0x5f0f3cf5, 12);
  head.writeUInt16BE(1000, 18);
  [0, -120, 1000, 880].forEach((value, index) => head.writeInt16BE(value, 36 + index * 2));
  head.writeUInt16BE(8, 46);
  head.writeInt16BE(1, 50);
  const hhea = Buffer.alloc(36);
  hhea.writeUInt32BE(0x00010000, 0);
  hhea.writeInt16BE(880, 4);
  hhea.writeInt16BE(-120, 6);
  hhea.writeUInt16BE(1000, 10);
  hhea.writeUInt16BE(glyphs.length, 34);
  const maxp = Buffer.alloc(32);
  maxp.writeUInt32BE(0x00010000, 0);
  [glyphs.length, 8, 2].forEach((value, index) => maxp.writeUInt16BE(value, 4 + index * 2));
  maxp.writeUInt16BE(1, 14);
  const tables = { head, hhea, maxp, loca, hmtx, glyf: Buffer.concat(glyphs) };
  return writeSfnt(0x00010000, new Map(Object.entries(tables)));
}

/** two rectangles, the inner one the other way round */
function frame(width: number): Buffer {
  const rectangle = (inset: number, clockwise: boolean) => {
    const [left, right, bottom, top] = [80 + inset, width - 80 - inset, inset, 720 - inset];
    const corners = [
      { x: left, y: bottom, onCurve: true },
      { x: left, y: top, onCurve: true },
      { x: right, y: top, onCurve: true },
      { x: right, y: bottom, onCurve: true },
    ];
    return clockwise ? corners : corners.reverse();
  };
  return encodeSimpleGlyph([...rectangle(0, true), ...rectangle(45, false)], [3, 7]);
}
