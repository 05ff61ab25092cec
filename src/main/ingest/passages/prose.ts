/**
 * Passages of prose: sections, then paragraphs, then sentences, joined to about the target. No passage crosses a
 * chapter (a section whose heading path has at most two levels); smaller sections may share one.
 */
import type { Section } from '../types.ts';
import { estimateTokens } from './cost.ts';

export interface Span {
  readonly start: number;
  readonly end: number;
  readonly headings: readonly string[];
}

interface Piece extends Span {
  readonly cost: number;
}

/** deeper sections are joined with their neighbours while they fit */
const chapterDepth = 2;
/** a rest smaller than this share of the target joins the passage before */
const smallest = 0.35;
const largest = 1.5;

/**
 * @param target tokens a passage, about
 * @param depth levels of headings that no passage crosses; more for pages, which are cited by number
 */
export function proseSpans(
  text: string,
  sections: readonly Section[],
  target: number,
  depth = chapterDepth,
): readonly Span[] {
  const spans: Span[] = [];
  let open: Piece[] = [];
  const flush = (): void => {
    spans.push(...joined(open, target));
    open = [];
  };
  let chapter: readonly string[] | null = null;
  for (const section of sections) {
    const key = section.headings.slice(0, depth);
    if (chapter !== null && !continues(chapter, section.headings, open, depth)) flush();
    chapter = key;
    open.push(...pieces(text, section, target));
  }
  flush();
  return spans;
}

/** the same chapter, or a bare heading with what it heads */
function continues(
  chapter: readonly string[],
  headings: readonly string[],
  open: readonly Piece[],
  depth: number,
): boolean {
  const same = chapter.every((part, index) => headings[index] === part);
  if (!same) return false;
  return chapter.length === depth || open.reduce((sum, piece) => sum + piece.cost, 0) < 40;
}

/** paragraphs, and the sentences of those that are too long; together they are the section */
function pieces(text: string, section: Section, target: number): readonly Piece[] {
  const found: Piece[] = [];
  const add = (start: number, end: number): void => {
    if (end > start)
      found.push({ start, end, headings: section.headings, cost: estimateTokens(text, start, end) });
  };
  let start = section.start;
  const breaks = /\n[ \t]*\n\s*/g;
  breaks.lastIndex = section.start;
  for (let match = breaks.exec(text); start < section.end; match = breaks.exec(text)) {
    const end = match === null ? section.end : Math.min(section.end, breaks.lastIndex);
    if (estimateTokens(text, start, end) <= target) add(start, end);
    else for (const [from, to] of sentences(text, start, end, target)) add(from, to);
    start = end;
    if (match === null) break;
  }
  return found;
}

const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' });

/** characters that are split into sentences at once: the segmenter takes much longer for more */
const window = 16_384;

/** line ends inside a paragraph end no sentence; what has no sentences is cut at lines, words, characters */
function sentences(text: string, start: number, end: number, target: number): [number, number][] {
  const found: [number, number][] = [];
  for (let from = start; from < end;) {
    const to = end - from <= window ? end : niceCut(text, from, from + window);
    const flat = text.slice(from, to).replaceAll('\n', ' ');
    for (const { index, segment } of segmenter.segment(flat)) {
      const [first, last] = [from + index, from + index + segment.length];
      if (estimateTokens(text, first, last) <= target) found.push([first, last]);
      else found.push(...hardCuts(text, first, last, target));
    }
    from = to;
  }
  return found;
}

/** pieces of at most the target, cut after a line end or a space in the last third where there is one */
export function hardCuts(text: string, start: number, end: number, target: number): [number, number][] {
  const found: [number, number][] = [];
  let from = start;
  while (from < end) {
    let to = from;
    let cost = 0;
    while (to < end && cost < target) cost += text.charCodeAt(to++) > 0x2ff ? 1 : 0.26;
    if (to < end) to = niceCut(text, from, to);
    found.push([from, to]);
    from = to;
  }
  return found;
}

function niceCut(text: string, from: number, to: number): number {
  const earliest = from + Math.floor(((to - from) * 2) / 3);
  // a slice: without one, the search for what is not there would go back to the text's beginning each time
  const last = text.slice(earliest, to);
  for (const separator of ['\n', ' ', ',', ';']) {
    const at = last.lastIndexOf(separator);
    if (at >= 0) return earliest + at + 1;
  }
  const code = text.charCodeAt(to);
  // not between the halves of a surrogate pair
  if (code < 0xdc00 || code > 0xdfff) return to;
  return to - 1 > from ? to - 1 : to + 1;
}

/** greedy, and a small rest goes to the passage before it */
function joined(all: readonly Piece[], target: number): readonly Span[] {
  const groups: { pieces: Piece[]; cost: number }[] = [];
  for (const piece of all) {
    const last = groups.at(-1);
    if (last !== undefined && last.cost + piece.cost <= target) {
      last.pieces.push(piece);
      last.cost += piece.cost;
    } else groups.push({ pieces: [piece], cost: piece.cost });
  }
  const rest = groups.at(-1);
  const before = groups.at(-2);
  if (
    rest !== undefined &&
    before !== undefined &&
    rest.cost < target * smallest &&
    before.cost + rest.cost <= target * largest
  ) {
    before.pieces.push(...rest.pieces);
    groups.pop();
  }
  return groups.map((group) => spanOf(group.pieces));
}

/** the headings of its largest piece */
function spanOf(group: readonly Piece[]): Span {
  const largestPiece = group.reduce((best, piece) => (piece.cost > best.cost ? piece : best));
  return { start: group[0]?.start ?? 0, end: group.at(-1)?.end ?? 0, headings: largestPiece.headings };
}
