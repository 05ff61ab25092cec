/** WOFF2, sections 5.1 to 5.3: the transformed table of outlines back into `glyf` and `loca`. */
import { ByteReader } from './byte-reader.ts';

export interface Glyphs {
  readonly glyf: Buffer;
  readonly loca: Buffer;
  readonly longOffsets: boolean;
  /** of every glyph, for side bearings */
  readonly xMins: readonly number[];
}

interface Streams {
  readonly contours: ByteReader;
  readonly points: ByteReader;
  readonly flags: ByteReader;
  readonly glyphs: ByteReader;
  readonly composites: ByteReader;
  readonly boxes: ByteReader;
  readonly hasBox: (glyph: number) => boolean;
}

export interface Point {
  readonly x: number;
  readonly y: number;
  readonly onCurve: boolean;
}

const argumentsAreWords = 1;
const hasScale = 8;
const moreComponents = 0x20;
const hasTwoScales = 0x40;
const hasMatrix = 0x80;
const hasInstructions = 0x100;

export function rebuildGlyphs(table: Buffer): Glyphs {
  const { streams, count } = openStreams(table);
  const glyphs = Array.from({ length: count }, (_, glyph) => rebuildGlyph(streams, glyph));
  const loca = Buffer.alloc((count + 1) * 4);
  let offset = 0;
  glyphs.forEach((bytes, glyph) => {
    loca.writeUInt32BE(offset, glyph * 4);
    offset += bytes.length;
  });
  loca.writeUInt32BE(offset, count * 4);
  return {
    glyf: Buffer.concat(glyphs),
    loca,
    longOffsets: true,
    xMins: glyphs.map((bytes) => (bytes.length === 0 ? 0 : bytes.readInt16BE(2))),
  };
}

function openStreams(table: Buffer): { streams: Streams; count: number } {
  const header = new ByteReader(table);
  header.skip(4);
  const count = header.u16();
  header.skip(2);
  const sizes = Array.from({ length: 7 }, () => header.u32());
  const [contours = 0, points = 0, flags = 0, glyphs = 0, composites = 0, boxes = 0] = sizes;
  const take = (size: number): ByteReader => new ByteReader(header.bytes(size));
  const streams = {
    contours: take(contours),
    points: take(points),
    flags: take(flags),
    glyphs: take(glyphs),
    composites: take(composites),
    boxes: take(boxes),
  };
  const bitmap = streams.boxes.bytes(4 * ((count + 31) >> 5));
  const hasBox = (glyph: number): boolean => ((bitmap[glyph >> 3] ?? 0) & (0x80 >> (glyph & 7))) !== 0;
  return { streams: { ...streams, hasBox }, count };
}

function rebuildGlyph(streams: Streams, glyph: number): Buffer {
  const contours = streams.contours.i16();
  if (contours === 0) return Buffer.alloc(0);
  if (contours < 0) return composite(streams);
  return simple(streams, contours, streams.hasBox(glyph));
}

/** its outlines are those of other glyphs; its box is always there */
function composite({ composites, glyphs, boxes }: Streams): Buffer {
  const parts: Buffer[] = [Buffer.from([0xff, 0xff]), boxes.bytes(8)];
  let flags: number;
  let instructions = false;
  do {
    flags = composites.u16();
    instructions ||= (flags & hasInstructions) !== 0;
    const start = Buffer.alloc(2);
    start.writeUInt16BE(flags & ~hasInstructions);
    let length = 2 + ((flags & argumentsAreWords) !== 0 ? 4 : 2);
    if ((flags & hasScale) !== 0) length += 2;
    else if ((flags & hasTwoScales) !== 0) length += 4;
    else if ((flags & hasMatrix) !== 0) length += 8;
    parts.push(start, composites.bytes(length));
  } while ((flags & moreComponents) !== 0);
  if (instructions) glyphs.short255();
  return padded(Buffer.concat(parts));
}

function simple(streams: Streams, contours: number, stated: boolean): Buffer {
  const ends: number[] = [];
  let end = -1;
  for (let contour = 0; contour < contours; contour++) ends.push((end += streams.points.short255()));
  const points = readPoints(streams, end + 1);
  // the length of the instructions, which are in a stream that is not read
  streams.glyphs.short255();
  return encodeSimpleGlyph(points, ends, stated ? streams.boxes.bytes(8) : undefined);
}

function readPoints({ flags, glyphs }: Streams, count: number): Point[] {
  const points: Point[] = [];
  let x = 0;
  let y = 0;
  for (let index = 0; index < count; index++) {
    const flag = flags.u8();
    const [dx, dy] = triplet(flag & 127, glyphs);
    points.push({ x: (x += dx), y: (y += dy), onCurve: flag < 128 });
  }
  return points;
}

/** section 5.2: the flag says how many bytes hold both distances, and their signs */
function triplet(flag: number, data: ByteReader): [number, number] {
  const signed = (bits: number, value: number): number => ((bits & 1) === 1 ? value : -value);
  if (flag < 10) return [0, signed(flag, ((flag & 14) << 7) + data.u8())];
  if (flag < 20) return [signed(flag, (((flag - 10) & 14) << 7) + data.u8()), 0];
  if (flag < 84) {
    const high = flag - 20;
    const both = data.u8();
    const dx = 1 + (high & 0x30) + (both >> 4);
    const dy = 1 + ((high & 0x0c) << 2) + (both & 15);
    return [signed(flag, dx), signed(flag >> 1, dy)];
  }
  if (flag < 120) {
    const high = flag - 84;
    const dx = 1 + (Math.floor(high / 12) << 8) + data.u8();
    const dy = 1 + (((high % 12) >> 2) << 8) + data.u8();
    return [signed(flag, dx), signed(flag >> 1, dy)];
  }
  if (flag < 124) {
    const [first, middle, last] = [data.u8(), data.u8(), data.u8()];
    return [signed(flag, (first << 4) + (middle >> 4)), signed(flag >> 1, ((middle & 15) << 8) + last)];
  }
  return [signed(flag, data.u16()), signed(flag >> 1, data.u16())];
}

/**
 * One outline as `glyf` holds it, with whole words for distances: size does not matter here.
 * @param ends index of each contour's last point
 * @param box the eight bytes of the bounding box; computed from the points unless given
 */
export function encodeSimpleGlyph(points: readonly Point[], ends: readonly number[], box?: Buffer): Buffer {
  const out = Buffer.alloc(10 + ends.length * 2 + 2 + points.length * 5);
  let at = out.writeInt16BE(ends.length, 0);
  at += (box ?? boundingBox(points)).copy(out, at);
  for (const end of ends) at = out.writeUInt16BE(end, at);
  at += 2;
  for (const point of points) at = out.writeUInt8(point.onCurve ? 1 : 0, at);
  for (const axis of ['x', 'y'] as const) {
    let last = 0;
    for (const point of points) {
      at = out.writeInt16BE(point[axis] - last, at);
      last = point[axis];
    }
  }
  return padded(out);
}

function boundingBox(points: readonly Point[]): Buffer {
  let [xMin, yMin, xMax, yMax] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { x, y } of points) {
    xMin = Math.min(xMin, x);
    yMin = Math.min(yMin, y);
    xMax = Math.max(xMax, x);
    yMax = Math.max(yMax, y);
  }
  const box = Buffer.alloc(8);
  [xMin, yMin, xMax, yMax].forEach((value, index) => box.writeInt16BE(value, index * 2));
  return box;
}

function padded(bytes: Buffer): Buffer {
  return bytes.length % 4 === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(4 - (bytes.length % 4))]);
}
