/** Passages: what a search finds and a turn reads. Together they are the text, each character in exactly one. */
import type { Passage } from '../../../shared/model/index.ts';
import type { ExtractedDocument } from '../types.ts';
import { codeSpans } from './code.ts';
import { lineSpans } from './lines.ts';
import { proseSpans, type Span } from './prose.ts';

/** @see Ingest.passages */
export function makePassages(document: ExtractedDocument, targetTokens: number): readonly Passage[] {
  const lineOf = lineCounter(document.text);
  const spans =
    document.kind === 'code' ? codeParts(document, targetTokens) : proseParts(document, targetTokens);
  return spans.map(({ start, end, section, defines }, index) => {
    const text = document.text.slice(start, end);
    const lead = text.length - text.trimStart().length;
    const from = lead === text.length ? start : start + lead;
    return {
      documentHash: document.hash,
      index,
      start,
      end,
      lineStart: lineOf(from),
      lineEnd: lineOf(Math.max(from, start + text.trimEnd().length - 1)),
      section,
      defines,
    };
  });
}

interface Part {
  readonly start: number;
  readonly end: number;
  readonly section: string;
  readonly defines: readonly string[];
}

function codeParts(document: ExtractedDocument, target: number): readonly Part[] {
  return codeSpans(document.text, document.language, target).map(({ enclosing, ...span }) => ({
    ...span,
    section: enclosing.join('.'),
  }));
}

function spansOf({ kind, text, sections }: ExtractedDocument, target: number): readonly Span[] {
  if (kind === 'data') return lineSpans(text, sections, target);
  return proseSpans(text, sections, target, kind === 'pdf' ? Infinity : undefined);
}

/** the heading path without the book's own title, which stands in the path already */
function proseParts(document: ExtractedDocument, target: number): readonly Part[] {
  return spansOf(document, target).map(({ start, end, headings }) => {
    const below = headings.length > 1 && headings[0] === document.title ? headings.slice(1) : headings;
    return { start, end, section: below.join(' › '), defines: [] };
  });
}

/**
 * 1-based line of an offset; asked in rising order. The next line's end is looked for once, not at every question:
 * otherwise a long line is searched to its end for each of its passages (10 MB without a line break took 30 s).
 */
function lineCounter(text: string): (offset: number) => number {
  const lineEnd = (from: number): number => {
    const found = text.indexOf('\n', from);
    return found < 0 ? Infinity : found;
  };
  let line = 1;
  let next = lineEnd(0);
  return (offset) => {
    while (next < offset) {
      line++;
      next = lineEnd(next + 1);
    }
    return line;
  };
}
