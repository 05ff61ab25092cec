/**
 * Sentences of a text with their exact offsets. The boundaries are those of Unicode (UAX #29, through
 * Intl.Segmenter), with two corrections: abbreviations do not end a sentence, and a line end inside a paragraph
 * is a space (hard-wrapped texts). For source code a sentence is a line.
 */
export interface Span {
  /** offsets in UTF-16 code units, end exclusive, without the white space around */
  readonly start: number;
  readonly end: number;
}

const ABBREVIATION =
  /(?:^|[\s("“‘—-])(?:Mr|Mrs|Ms|Dr|St|Sr|Jr|Prof|Capt|Col|Gen|Lieut|Lt|Rev|Hon|Messrs|Mme|Mlle|Esq|No|Vol|Fig|Sec|Ch|Chap|pp?|vs|etc|cf|ca|e\.g|i\.e|approx|ed|eds|al|[A-Z])\.["”’)]*\s*$/u;

const segmenters = new Map<string, Intl.Segmenter>();

function segmenter(locale: string): Intl.Segmenter {
  const known = segmenters.get(locale);
  if (known !== undefined) return known;
  const made = new Intl.Segmenter(locale, { granularity: 'sentence' });
  segmenters.set(locale, made);
  return made;
}

/**
 * Sentences of prose, in order. A blank line always ends a sentence.
 * @param offset added to every start and end: where `text` begins in its document
 */
export function sentences(text: string, offset = 0, locale = 'en'): Span[] {
  const found: Span[] = [];
  for (const paragraph of paragraphs(text)) {
    const flat = text.slice(paragraph.start, paragraph.end).replace(/[\n\t]/g, ' ');
    let start = 0;
    let end = 0;
    for (const { segment } of segmenter(locale).segment(flat)) {
      end += segment.length;
      if (end < flat.length && ABBREVIATION.test(flat.slice(start, end))) continue;
      addTrimmed(found, flat, start, end, offset + paragraph.start);
      start = end;
    }
    addTrimmed(found, flat, start, end, offset + paragraph.start);
  }
  return found;
}

/** Lines that hold more than white space. */
export function lines(text: string, offset = 0): Span[] {
  const found: Span[] = [];
  let start = 0;
  while (start <= text.length) {
    const stop = text.indexOf('\n', start);
    const end = stop < 0 ? text.length : stop;
    addTrimmed(found, text, start, end, offset);
    start = end + 1;
  }
  return found;
}

function paragraphs(text: string): Span[] {
  const found: Span[] = [];
  let start = 0;
  for (const match of text.matchAll(/\n[ \t\r]*\n\s*/g)) {
    found.push({ start, end: match.index });
    start = match.index + match[0].length;
  }
  found.push({ start, end: text.length });
  return found;
}

function addTrimmed(into: Span[], text: string, start: number, end: number, offset: number): void {
  const piece = text.slice(start, end);
  const left = piece.length - piece.trimStart().length;
  const length = piece.trim().length;
  if (length > 0) into.push({ start: offset + start + left, end: offset + start + left + length });
}
