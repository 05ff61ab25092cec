/**
 * WOFF2 to plain TrueType (W3C recommendation, 2022-08-08), for the fonts that the app itself brings along. The
 * fonts come as variable WOFF2; fontkit can vary plain TrueType only. Hinting instructions are left out: a PDF is
 * printed or shown at any size.
 */
import { brotliDecompressSync } from 'node:zlib';
import { ByteReader } from './byte-reader.ts';
import { rebuildGlyphs } from './woff2-glyphs.ts';

/** section 4.1: tags that are written as a number */
const knownTags =
  'cmap head hhea hmtx maxp name OS/2 post cvt  fpgm glyf loca prep CFF  VORG EBDT EBLC gasp hdmx kern LTSH PCLT VDMX vhea vmtx BASE GDEF GPOS GSUB EBSC JSTF MATH CBDT CBLC COLR CPAL SVG  sbix acnt avar bdat bloc bsln cvar fdsc feat fmtx fvar gvar hsty just lcar mort morx opbd prop trak Zapf Silf Glat Gloc Feat Sill'.match(
    /.{4} ?/g,
  ) ?? [];

/** what only instructions use */
const hinting = new Set(['cvt ', 'fpgm', 'prep', 'gasp', 'cvar']);

interface Table {
  readonly tag: string;
  readonly transformed: boolean;
  /** in the decompressed data */
  readonly length: number;
}

/**
 * The tables of the font, by their tags.
 * @throws Error when the file is not WOFF2
 */
export function decodeWoff2(file: Buffer): Map<string, Buffer> {
  const reader = new ByteReader(file);
  if (reader.tag() !== 'wOF2') throw new Error('not a WOFF2 file');
  reader.skip(4 + 4);
  const count = reader.u16();
  reader.skip(2 + 4);
  const compressed = reader.u32();
  reader.skip(4 + 5 * 4);
  const directory = Array.from({ length: count }, () => readEntry(reader));
  const data = brotliDecompressSync(reader.bytes(compressed));
  return readTables(directory, data);
}

function readEntry(reader: ByteReader): Table {
  const flags = reader.u8();
  const tag = (flags & 63) === 63 ? reader.tag() : (knownTags[flags & 63] ?? '').slice(0, 4);
  const version = flags >> 6;
  const transformed = tag === 'glyf' || tag === 'loca' ? version !== 3 : version !== 0;
  const length = reader.base128();
  return { tag, transformed, length: transformed ? reader.base128() : length };
}

function readTables(directory: readonly Table[], data: Buffer): Map<string, Buffer> {
  const tables = new Map<string, Buffer>();
  const transformed = new Set<string>();
  let at = 0;
  for (const { tag, length, transformed: changed } of directory) {
    tables.set(tag, data.subarray(at, at + length));
    if (changed) transformed.add(tag);
    at += length;
  }
  if (transformed.has('glyf')) {
    const { glyf, loca, longOffsets, xMins } = rebuildGlyphs(required(tables, 'glyf'));
    tables.set('glyf', glyf);
    tables.set('loca', loca);
    const head = Buffer.from(required(tables, 'head'));
    head.writeInt16BE(longOffsets ? 1 : 0, 50);
    tables.set('head', head);
    if (transformed.has('hmtx')) tables.set('hmtx', rebuildMetrics(tables, xMins));
  }
  for (const tag of hinting) tables.delete(tag);
  return tables;
}

/** section 5.4: side bearings that are equal to xMin are left out */
function rebuildMetrics(tables: ReadonlyMap<string, Buffer>, xMins: readonly number[]): Buffer {
  const reader = new ByteReader(required(tables, 'hmtx'));
  const metrics = required(tables, 'hhea').readUInt16BE(34);
  const flags = reader.u8();
  const advances = Array.from({ length: metrics }, () => reader.u16());
  const bearings = xMins.map((xMin, glyph) =>
    (flags & (glyph < metrics ? 1 : 2)) === 0 ? reader.i16() : xMin,
  );
  const out = Buffer.alloc(metrics * 4 + (xMins.length - metrics) * 2);
  let at = 0;
  bearings.forEach((bearing, glyph) => {
    if (glyph < metrics) at = out.writeUInt16BE(advances[glyph] ?? 0, at);
    at = out.writeInt16BE(bearing, at);
  });
  return out;
}

/** A font file of these tables. Checksums stay 0: neither fontkit nor PDF readers look at them. */
export function writeSfnt(flavor: number, tables: ReadonlyMap<string, Buffer>): Buffer {
  const sorted = [...tables].sort(([a], [b]) => (a < b ? -1 : 1));
  const header = Buffer.alloc(12 + sorted.length * 16);
  header.writeUInt32BE(flavor, 0);
  header.writeUInt16BE(sorted.length, 4);
  const power = 2 ** Math.floor(Math.log2(sorted.length));
  header.writeUInt16BE(power * 16, 6);
  header.writeUInt16BE(Math.log2(power), 8);
  header.writeUInt16BE((sorted.length - power) * 16, 10);
  const parts: Buffer[] = [header];
  let offset = header.length;
  sorted.forEach(([tag, bytes], index) => {
    header.write(tag, 12 + index * 16, 'latin1');
    header.writeUInt32BE(offset, 12 + index * 16 + 8);
    header.writeUInt32BE(bytes.length, 12 + index * 16 + 12);
    const padding = Buffer.alloc((4 - (bytes.length % 4)) % 4);
    parts.push(bytes, padding);
    offset += bytes.length + padding.length;
  });
  return Buffer.concat(parts);
}

function required(tables: ReadonlyMap<string, Buffer>, tag: string): Buffer {
  const table = tables.get(tag);
  if (table === undefined) throw new Error(`the font has no table ${tag}`);
  return table;
}
