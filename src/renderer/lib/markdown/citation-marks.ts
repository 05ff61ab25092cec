/**
 * Where the numbers of an answer's citations stand: behind the sentence that shares the most words with the quote.
 * Marks travel through Markdown as noncharacters of Unicode, which no text holds and no rule of Markdown knows, and
 * become links when the text is set (components/chat/Markdown.svelte).
 */
import { termsOf } from '../../../shared/text/terms.ts';

export const MARK_OPEN = '\uFDD0';
export const MARK_CLOSE = '\uFDD1';

/** The mark of citation `index` (from 0). */
export function citationMark(index: number): string {
  return `${MARK_OPEN}${String(index)}${MARK_CLOSE}`;
}

/** Stands behind an answer for which nothing was found. */
export const NONE_FOUND_MARK = `${MARK_OPEN}none${MARK_CLOSE}`;

/** @returns the answer with a mark for each quote, behind the sentence it belongs to */
export function withCitationMarks(answer: string, quotes: readonly string[]): string {
  const text = answer.replace(/[\uFDD0\uFDD1]/g, '');
  if (quotes.length === 0) return text;
  const ends = sentenceEnds(text);
  if (ends.length === 0) return text;
  const sentences = ends.map(({ start, end }) => wordsOf(text.slice(start, end)));
  const marks = new Map<number, string>();
  quotes.forEach((quote, index) => {
    const at = ends[bestSentence(wordsOf(quote), sentences)]?.end ?? text.length;
    marks.set(at, (marks.get(at) ?? '') + citationMark(index));
  });
  let marked = '';
  let from = 0;
  for (const [at, mark] of [...marks].sort(([a], [b]) => a - b)) {
    marked += text.slice(from, at) + mark;
    from = at;
  }
  return marked + text.slice(from);
}

/** The first of those that share the most words, each weighed by how few sentences have it; else the last one. */
function bestSentence(quote: ReadonlySet<string>, sentences: readonly ReadonlySet<string>[]): number {
  let best = sentences.length - 1;
  let bestShare = 0;
  sentences.forEach((sentence, index) => {
    let share = 0;
    for (const word of sentence)
      if (quote.has(word)) share += 1 / sentences.filter((other) => other.has(word)).length;
    if (share > bestShare + 1e-9) {
      best = index;
      bestShare = share;
    }
  });
  return best;
}

function wordsOf(text: string): ReadonlySet<string> {
  return new Set(termsOf(text).map((term) => term.text));
}

interface Stretch {
  readonly start: number;
  /** before closing marks of emphasis, so that they still close it */
  readonly end: number;
}

const sentenceSegmenter = new Intl.Segmenter(undefined, { granularity: 'sentence' });

/** What ends with a full stop and ends no sentence, as the core knows it (app/sentences.ts). */
const ABBREVIATION =
  /(?:^|[\s("“‘—-])(?:Mr|Mrs|Ms|Dr|St|Sr|Jr|Prof|Capt|Col|Gen|Lieut|Lt|Rev|Hon|Messrs|Mme|Mlle|Esq|No|Vol|Fig|Sec|Ch|Chap|pp?|vs|etc|cf|ca|e\.g|i\.e|approx|ed|eds|al|[A-Z])\.\s*$/u;

/** Sentences of the prose of a Markdown text: paragraphs, items, headings; not code. */
function sentenceEnds(text: string): Stretch[] {
  const found: Stretch[] = [];
  for (const block of proseBlocks(text)) {
    const flat = text.slice(block.start, block.end).replace(/\n/g, ' ');
    let start = 0;
    for (const { segment, index } of sentenceSegmenter.segment(flat)) {
      const end = index + segment.length;
      const words = flat.slice(start, end);
      if (end < flat.length && ABBREVIATION.test(words)) continue;
      const length = words.replace(/[\s*_~]+$/, '').length;
      if (/[\p{L}\p{N}]/u.test(words))
        found.push({ start: block.start + start, end: block.start + start + length });
      start = end;
    }
  }
  return found;
}

/** Stretches between blank lines, item by item, outside of fences and tables. */
function proseBlocks(text: string): { start: number; end: number }[] {
  const blocks: { start: number; end: number }[] = [];
  let fence: string | null = null;
  let open: { start: number; end: number } | null = null;
  for (const match of text.matchAll(/^.*$/gm)) {
    const line = match[0];
    const marks = /^\s*(`{3,}|~{3,})/.exec(line)?.[1] ?? null;
    const inFence: boolean = fence !== null;
    if (fence === null) fence = marks;
    else if (marks !== null && marks[0] === fence[0] && marks.length >= fence.length) fence = null;
    const prose = !inFence && marks === null && line.trim() !== '' && !/^\s*\||\|\s*$/.test(line);
    if (!prose || open === null || /^\s*(?:[-*+]|\d{1,9}[.)]|#{1,6}|>)\s/.test(line)) {
      if (open !== null) blocks.push(open);
      open = prose ? { start: match.index, end: match.index + line.length } : null;
    } else open.end = match.index + line.length;
  }
  if (open !== null) blocks.push(open);
  return blocks;
}
