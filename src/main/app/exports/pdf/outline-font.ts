/**
 * A font file as pdfkit embeds it: one weight of a variable font, fixed; of its glyphs only those that are used, as
 * plain outlines. (fontkit's own subset of a variable font leaves accents where the default weight has them.)
 */
import { create, type Font, type Glyph, type GlyphRun } from 'fontkit';
import { decodeWoff2, writeSfnt } from './woff2.ts';
import { encodeSimpleGlyph, type Point } from './woff2-glyphs.ts';

const trueType = 0x00010000;

export interface OutlineFontOptions {
  /** each font of a document has its own */
  readonly name: string;
  /** values of the variable font's axes */
  readonly axes: Readonly<Record<string, number>>;
  /** false: each character keeps its shape, as in code */
  readonly ligatures: boolean;
}

/** What pdfkit asks of a font, and nothing else. Sizes are in the font's units. */
export class OutlineFont {
  readonly #font: Font;
  /**
   * For outlines alone. fontkit keeps each glyph with the characters it was first asked for, and asks for the parts of
   * a composite with none: '.' would lose its meaning to ':'.
   */
  readonly #shapes: Font;
  readonly #tables: ReadonlyMap<string, Buffer>;
  readonly #features: Readonly<Record<string, boolean>>;
  readonly postscriptName: string;
  readonly unitsPerEm: number;
  readonly ascent: number;
  readonly descent: number;
  readonly lineGap: number;
  readonly xHeight: number;
  readonly capHeight: number;
  readonly italicAngle: number;
  readonly bbox: Font['bbox'];
  readonly 'OS/2': Font['OS/2'];
  readonly post: Font['post'];
  readonly head: Font['head'];

  /** @throws Error when the file is no font */
  constructor(woff2: Buffer, { name, axes, ligatures }: OutlineFontOptions) {
    this.#tables = decodeWoff2(woff2);
    const variable = create(writeSfnt(trueType, this.#tables));
    const font = variable.getVariation(axes);
    this.#font = font;
    this.#shapes = variable.getVariation(axes);
    this.#features = ligatures ? {} : { liga: false, clig: false, calt: false };
    this.postscriptName = name;
    this.unitsPerEm = font.unitsPerEm;
    this.ascent = font.ascent;
    this.descent = font.descent;
    this.lineGap = font.lineGap;
    this.xHeight = font.xHeight;
    this.capHeight = font.capHeight;
    this.italicAngle = font.italicAngle;
    this.bbox = font.bbox;
    this['OS/2'] = font['OS/2'];
    this.post = font.post;
    this.head = font.head;
  }

  has(codePoint: number): boolean {
    return this.#font.hasGlyphForCodePoint(codePoint);
  }

  getGlyph(id: number): { readonly advanceWidth: number } {
    return this.#shapes.getGlyph(id);
  }

  layout(text: string): GlyphRun {
    return this.#font.layout(text, this.#features);
  }

  createSubset(): OutlineSubset {
    return new OutlineSubset(this.#shapes, this.#tables);
  }
}

/** Numbers the glyphs as they come, .notdef first, and writes the font of these. */
class OutlineSubset {
  readonly #font: Font;
  readonly #tables: ReadonlyMap<string, Buffer>;
  readonly #numbers = new Map<number, number>([[0, 0]]);

  constructor(font: Font, tables: ReadonlyMap<string, Buffer>) {
    this.#font = font;
    this.#tables = tables;
  }

  includeGlyph(id: number): number {
    const number = this.#numbers.get(id) ?? this.#numbers.size;
    this.#numbers.set(id, number);
    return number;
  }

  encode(): Buffer {
    const glyphs = [...this.#numbers.keys()].map((id) => this.#font.getGlyph(id));
    const outlines = glyphs.map((glyph) => outlineOf(glyph.path.commands));
    const encoded = outlines.map(({ points, ends }) =>
      points.length === 0 ? Buffer.alloc(0) : encodeSimpleGlyph(points, ends),
    );
    const loca = Buffer.alloc((glyphs.length + 1) * 4);
    const hmtx = Buffer.alloc(glyphs.length * 4);
    let offset = 0;
    encoded.forEach((bytes, index) => {
      hmtx.writeUInt16BE(Math.max(0, Math.round(glyphs[index]?.advanceWidth ?? 0)), index * 4);
      hmtx.writeInt16BE(bytes.length === 0 ? 0 : bytes.readInt16BE(2), index * 4 + 2);
      offset += bytes.length;
      loca.writeUInt32BE(offset, (index + 1) * 4);
    });
    const head = this.#copy('head');
    head.writeInt16BE(1, 50);
    const hhea = this.#copy('hhea');
    hhea.writeUInt16BE(glyphs.length, 34);
    const maxp = this.#copy('maxp');
    maxp.writeUInt16BE(glyphs.length, 4);
    maxp.writeUInt16BE(Math.max(0, ...outlines.map(({ points }) => points.length)), 6);
    maxp.writeUInt16BE(Math.max(0, ...outlines.map(({ ends }) => ends.length)), 8);
    const tables = { head, hhea, maxp, loca, hmtx, glyf: Buffer.concat(encoded) };
    return writeSfnt(trueType, new Map(Object.entries(tables)));
  }

  #copy(tag: string): Buffer {
    const table = this.#tables.get(tag);
    if (table === undefined) throw new Error(`the font has no table ${tag}`);
    return Buffer.from(table);
  }
}

/** lines and quadratic curves as points on and off the curve; a contour closes by itself */
function outlineOf(commands: Glyph['path']['commands']): { points: Point[]; ends: number[] } {
  const points: Point[] = [];
  const ends: number[] = [];
  let start = 0;
  const close = (): void => {
    const [first, last] = [points[start], points.at(-1)];
    const same = first !== undefined && last?.onCurve === true && first.x === last.x && first.y === last.y;
    if (same && points.length - start > 1) points.pop();
    if (points.length > start) ends.push(points.length - 1);
    start = points.length;
  };
  for (const { command, args } of commands) {
    if (command === 'closePath' || command === 'moveTo') close();
    for (let at = 0; at + 1 < args.length; at += 2) {
      const onCurve = at + 2 === args.length;
      points.push({ x: Math.round(args[at] ?? 0), y: Math.round(args[at + 1] ?? 0), onCurve });
    }
  }
  close();
  return { points, ends };
}
