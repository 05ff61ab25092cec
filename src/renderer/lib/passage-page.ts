/** A passage with the text around it, cut at words, to be shown as a page. */
import type { Citation } from '../../shared/model/index.ts';
import type { DocumentSlice } from '../../shared/rpc/index.ts';

export interface MarkedPage {
  readonly before: string;
  readonly quote: string;
  readonly after: string;
  /** the document says these words at this place */
  readonly verified: boolean;
  /** lines mean something */
  readonly code: boolean;
}

/** @param around code units before and behind */
export function around(slice: DocumentSlice, citation: Citation, around: number): MarkedPage {
  const start = citation.start - slice.from;
  const end = citation.end - slice.from;
  const quote = slice.text.slice(Math.max(0, start), Math.max(0, end));
  const code = slice.kind === 'code';
  const before = slice.text.slice(Math.max(0, start - around), Math.max(0, start));
  const after = slice.text.slice(end, end + around);
  const flow = (text: string) => (code ? text : joined(text));
  return {
    before: flow(fromBoundary(before, slice.from + start - before.length > 0, code)),
    quote: flow(quote === '' ? citation.quote : quote),
    after: flow(toBoundary(after, slice.from + end + after.length < slice.length, code)),
    verified: quote === citation.quote,
    code,
  };
}

/** Lines of a printed page are no lines here: only paragraphs are. Marks of Markdown's headings say nothing on a page. */
function joined(text: string): string {
  return text
    .replace(/^#{1,6} +/gm, '')
    .replace(/[ \t]*\n[ \t]*\n\s*/g, '\u2029')
    .replace(/[ \t]*\n[ \t]*/g, ' ')
    .replaceAll('\u2029', '\n\n');
}

/** Not from the middle of a sentence, line or word. */
function fromBoundary(text: string, cut: boolean, code: boolean): string {
  if (!cut) return text;
  const at = code ? text.indexOf('\n') : text.search(/[.!?。！？]["”’)]?\s|\n\n|[。！？]/);
  if (at >= 0 && at < text.length * 0.8)
    return text
      .slice(at + 1)
      .replace(/^["”’)]/, '')
      .replace(/^\s+/, code ? '' : '');
  const space = text.indexOf(' ');
  return `…${text.slice(space < 0 ? 0 : space)}`;
}

function toBoundary(text: string, cut: boolean, code: boolean): string {
  if (!cut) return text;
  const ends = code
    ? [text.lastIndexOf('\n')]
    : [...text.matchAll(/[.!?]["”’)]?(?=\s)|[。！？]/g)].map(({ index, 0: { length } }) => index + length);
  const end = ends.at(-1) ?? -1;
  if (end > text.length * 0.2) return text.slice(0, end);
  const space = text.lastIndexOf(' ');
  return `${text.slice(0, space < 0 ? text.length : space)} …`;
}
