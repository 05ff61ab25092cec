/** A page's positioned runs of text to lines and paragraphs. */
import type { TextItem } from 'pdfjs-dist/types/src/display/api.js';

import { medianOf, readingOrder, type Block, type Line, type Piece } from './reading-order.ts';

type Matrix = readonly number[];

/** em: a wider gap separates two pieces of a line (columns, cells) */
const widestGap = 1.3;

/** @param viewport the page's transformation: what is turned by the page stands upright */
export function pageText(items: readonly TextItem[], viewport: Matrix): string {
  const upright: Placed[] = [];
  const turned: string[] = [];
  for (const item of items) {
    const placed = place(item, viewport);
    if (placed !== null) upright.push(placed);
    else turned.push(item.str + (item.hasEOL ? '\n' : ''));
  }
  const blocks = readingOrder(piecesOf(upright)).map(blockText);
  const rest = turned.join('').trim();
  return [...blocks, rest].filter((text) => text !== '').join('\n\n');
}

interface Placed {
  readonly text: string;
  readonly left: number;
  readonly right: number;
  readonly base: number;
  readonly size: number;
  readonly rightToLeft: boolean;
}

/** @returns null for text that stands at an angle, or runs downwards */
function place(item: TextItem, [a = 1, b = 0, c = 0, d = 1, e = 0, f = 0]: Matrix): Placed | null {
  const [ta, tb, tc, td, x, y] = item.transform as number[] as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const across = a * ta + c * tb;
  const down = b * ta + d * tb;
  const size = Math.hypot(a * tc + c * td, b * tc + d * td);
  if (Math.abs(down) > 0.1 * Math.abs(across) || across <= 0 || !(size > 0)) return null;
  const left = a * x + c * y + e;
  const base = b * x + d * y + f;
  if (!Number.isFinite(left) || !Number.isFinite(base) || Math.abs(left) > 1e5 || Math.abs(base) > 1e5)
    return null;
  const width = Number.isFinite(item.width) ? Math.min(Math.abs(item.width), 1e5) : 0;
  return { text: item.str, left, right: left + width, base, size, rightToLeft: item.dir === 'rtl' };
}

/** in the order of the file, where index and footnote signs stand with their words */
function piecesOf(items: readonly Placed[]): readonly Piece[] {
  const pieces: Piece[] = [];
  let open: { items: Placed[]; last: Placed } | null = null;
  const close = (): void => {
    const piece = open === null ? null : pieceOf(open.items);
    if (piece !== null) pieces.push(piece);
    open = null;
  };
  for (const item of items) {
    if (item.text === '') continue;
    if (open !== null && !continues(open.last, item)) close();
    // a space of any width is not text that a gap is measured from
    if (open === null && item.text.trim() === '') continue;
    if (open === null) open = { items: [item], last: item };
    else {
      (open as { items: Placed[] }).items.push(item);
      if (item.text.trim() !== '') open = { items: (open as { items: Placed[] }).items, last: item };
    }
  }
  close();
  return pieces;
}

function continues(last: Placed, item: Placed): boolean {
  const size = Math.max(last.size, item.size);
  if (Math.abs(item.base - last.base) > 0.6 * size) return false;
  const gap = item.rightToLeft && last.rightToLeft ? last.left - item.right : item.left - last.right;
  return gap < widestGap * size && gap > -0.8 * size;
}

function pieceOf(items: readonly Placed[]): Piece | null {
  const text = items
    .map((item) => item.text)
    .join('')
    .replace(/\s+/g, ' ')
    .trim();
  if (text === '') return null;
  const shown = items.filter((item) => item.text.trim() !== '');
  const main = shown.reduce((best, item) =>
    item.size * item.text.length > best.size * best.text.length ? item : best,
  );
  return {
    text,
    left: Math.min(...shown.map((item) => item.left)),
    right: Math.max(...shown.map((item) => item.right)),
    top: main.base - 0.8 * main.size,
    bottom: main.base + 0.2 * main.size,
    size: main.size,
    rightToLeft: main.rightToLeft,
  };
}

/** a wider step than usual is a new paragraph */
function blockText(lines: Block): string {
  const steps = lines.slice(1).map((line, index) => topOf(line) - topOf(lines[index] ?? line));
  const usual = medianOf(steps.filter((step) => step > 0));
  let text = '';
  for (const [index, line] of lines.entries()) {
    const next = lineText(line);
    if (index === 0) {
      text = next;
      continue;
    }
    const step = steps[index - 1] ?? 0;
    const size = medianOf(line.map((piece) => piece.size));
    const isNew = step > 1.35 * usual && step > 1.3 * size;
    text = isNew ? `${text}\n\n${next}` : joinedLines(text, next);
  }
  return text;
}

function topOf(line: Line): number {
  return medianOf(line.map((piece) => piece.top));
}

/** cells are parted by a tab, words by a space */
function lineText(line: Line): string {
  let text = '';
  let last: Piece | null = null;
  for (const piece of line) {
    if (last === null) text = piece.text;
    else {
      const gap = Math.max(piece.left - last.right, last.left - piece.right);
      const separator = gap > widestGap * piece.size ? '\t' : gap > 0.15 * piece.size ? ' ' : '';
      text += separator + piece.text;
    }
    last = piece;
  }
  return text;
}

/** `infor-` and `mation about` is `information`, then `about`: the word is whole, the line end moves behind it */
function joinedLines(above: string, below: string): string {
  const part = /\p{L}[-\u00ad\u2010]$/u.test(above) ? /^\p{Ll}[^\s]*/u.exec(below)?.[0] : undefined;
  if (part === undefined) return `${above}\n${below}`;
  const rest = below.slice(part.length).trimStart();
  return `${above.slice(0, -1)}${part}${rest === '' ? '' : `\n${rest}`}`;
}
