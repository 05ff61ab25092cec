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

/** 1-based line of an offset; asked in rising order */
function lineCounter(text: string): (offset: number) => number {
  let line = 1;
  let at = 0;
  return (offset) => {
    for (let next = text.indexOf('\n', at); next >= 0 && next < offset; next = text.indexOf('\n', at)) {
      line++;
      at = next + 1;
    }
    return line;
  };
}
