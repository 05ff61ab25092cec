/**
 * The order in which a page is read. Pieces of lines are split at gutters into columns; what spans the gutter (a title,
 * a wide figure's caption) splits the page into bands. Within a column: from top to bottom.
 */

/** a stretch of text without wide gaps; the origin is the page's upper left corner, units are points */
export interface Piece {
  readonly text: string;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  /** height of the letters, about */
  readonly size: number;
  readonly rightToLeft: boolean;
}

/** pieces of one line, from left to right */
export type Line = readonly Piece[];
/** lines of one column or band, from top to bottom */
export type Block = readonly Line[];

/** narrower blocks are cells of a table: they are read row by row */
const leastColumnEm = 8;
const leastLines = 3;
const mostDepth = 12;

export function readingOrder(pieces: readonly Piece[]): readonly Block[] {
  return orderOf(pieces, 0).map(linesOf);
}

function orderOf(pieces: readonly Piece[], depth: number): readonly (readonly Piece[])[] {
  if (pieces.length < 2 * leastLines || depth > mostDepth) return [pieces];
  const gutter = findGutter(pieces);
  if (gutter === null) return [pieces];
  const result: (readonly Piece[])[] = [];
  let [left, right]: [Piece[], Piece[]] = [[], []];
  const flush = (): void => {
    const sides = isRightToLeft(pieces) ? [right, left] : [left, right];
    for (const side of sides) if (side.length > 0) result.push(...orderOf(side, depth + 1));
    [left, right] = [[], []];
  };
  let spanning: Piece[] = [];
  for (const piece of pieces.toSorted((a, b) => middle(a) - middle(b))) {
    const side = piece.right <= gutter ? left : piece.left >= gutter ? right : null;
    if (side === null) {
      flush();
      spanning.push(piece);
      continue;
    }
    const beside = spanning.some((wide) => overlap(wide, piece) > 0.5);
    if (beside) {
      spanning.push(piece);
      continue;
    }
    if (spanning.length > 0) result.push(spanning);
    spanning = [];
    side.push(piece);
  }
  flush();
  if (spanning.length > 0) result.push(spanning);
  return result;
}

/** @returns the x in the middle of the emptiest vertical stripe that has columns on both sides, or null */
function findGutter(pieces: readonly Piece[]): number | null {
  const from = Math.floor(Math.min(...pieces.map(({ left }) => left)));
  const to = Math.ceil(Math.max(...pieces.map(({ right }) => right)));
  const width = to - from;
  const size = medianOf(pieces.map((piece) => piece.size));
  if (!(width > 2 * leastColumnEm * size && width < 20_000)) return null;
  const covered = new Float64Array(width + 1);
  for (const { left, right } of pieces)
    for (let x = Math.max(0, Math.ceil(left) - from); x < Math.min(width, Math.floor(right) - from); x++)
      covered[x] = (covered[x] ?? 0) + 1;
  let best: { at: number; score: number } | null = null;
  const least = Math.max(3, size * 0.6);
  for (const share of [0, 0.02, 0.1, 0.25, 0.4]) {
    for (const [start, end] of stripes(covered, share * pieces.length)) {
      if (end - start < least) continue;
      const at = from + (start + end) / 2;
      if (!isBetweenColumns(pieces, at, size)) continue;
      const score = (end - start) / size - (2 * Math.abs(at - from - width / 2)) / width;
      if (best === null || score > best.score) best = { at, score };
    }
    if (best !== null) return best.at;
  }
  return null;
}

/** runs of columns of pixels that at most so many pieces cover, not at the edges */
function stripes(covered: Float64Array, most: number): [number, number][] {
  const found: [number, number][] = [];
  let start = -1;
  for (let x = 0; x < covered.length; x++) {
    const free = (covered[x] ?? 0) <= most;
    if (free && start < 0) start = x;
    if (!free && start >= 0) {
      if (start > 0) found.push([start, x]);
      start = -1;
    }
  }
  return found;
}

/** both sides are lines of running text, several of them beside each other */
function isBetweenColumns(pieces: readonly Piece[], x: number, size: number): boolean {
  const left = pieces.filter((piece) => piece.right <= x);
  const right = pieces.filter((piece) => piece.left >= x);
  for (const side of [left, right]) {
    if (side.length < leastLines) return false;
    const widths = side.map((piece) => piece.right - piece.left);
    if (medianOf(widths) < leastColumnEm * size) return false;
  }
  const [top, bottom] = [
    Math.min(...right.map((piece) => piece.top)),
    Math.max(...right.map((piece) => piece.bottom)),
  ];
  return left.filter((piece) => piece.bottom > top && piece.top < bottom).length >= leastLines;
}

/** pieces that share their height are one line */
function linesOf(pieces: readonly Piece[]): Block {
  const lines: Piece[][] = [];
  let [top, bottom] = [0, 0];
  for (const piece of pieces.toSorted((a, b) => middle(a) - middle(b))) {
    const line = lines.at(-1);
    const shared = Math.min(bottom, piece.bottom) - Math.max(top, piece.top);
    if (line !== undefined && shared > 0.5 * Math.min(bottom - top, piece.bottom - piece.top)) {
      line.push(piece);
      // the tallest decides, so that a row of indices does not pull in the next line
      if (piece.bottom - piece.top > bottom - top) [top, bottom] = [piece.top, piece.bottom];
    } else {
      lines.push([piece]);
      [top, bottom] = [piece.top, piece.bottom];
    }
  }
  return lines.map((line) => {
    const sorted = line.toSorted((a, b) => a.left - b.left);
    return isRightToLeft(line) ? sorted.toReversed() : sorted;
  });
}

function isRightToLeft(pieces: readonly Piece[]): boolean {
  return pieces.filter((piece) => piece.rightToLeft).length * 2 > pieces.length;
}

function overlap(a: Piece, b: Piece): number {
  const shared = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  return shared / Math.max(1e-6, Math.min(a.bottom - a.top, b.bottom - b.top));
}

function middle(piece: Piece): number {
  return (piece.top + piece.bottom) / 2;
}

export function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
