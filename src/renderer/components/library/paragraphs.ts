/** Lines of a slice as paragraphs with the marked stretch cut out. */
import type { LoadedSlice } from '../../stores/document.svelte.ts';

export interface Paragraph {
  /** offset in the text */
  readonly start: number;
  readonly heading: boolean;
  readonly parts: readonly { readonly text: string; readonly marked: boolean }[];
}

interface Stretch {
  readonly start: number;
  readonly end: number;
}

/** An empty line ends a paragraph; a line at which a section begins is a heading. */
export function paragraphsOf(
  slice: Pick<LoadedSlice, 'from' | 'lines'>,
  sections: ReadonlySet<number>,
  mark: Stretch | null,
): readonly Paragraph[] {
  const paragraphs: Paragraph[] = [];
  let at = slice.from;
  let start = at;
  let lines: string[] = [];
  const finish = () => {
    if (lines.length > 0)
      paragraphs.push({ start, heading: false, parts: partsOf(lines.join('\n'), start, mark) });
    lines = [];
  };
  for (const line of slice.lines) {
    const heading = sections.has(at) && line.trim() !== '';
    if (line.trim() === '' || heading) finish();
    if (heading) paragraphs.push({ start: at, heading, parts: partsOf(line.replace(/^#+ /, ''), at, null) });
    else if (line.trim() !== '') {
      if (lines.length === 0) start = at;
      lines.push(line);
    }
    at += line.length + 1;
  }
  finish();
  return paragraphs;
}

function partsOf(text: string, start: number, mark: Stretch | null): Paragraph['parts'] {
  const from = mark === null ? text.length : Math.min(text.length, Math.max(0, mark.start - start));
  const to = mark === null ? text.length : Math.min(text.length, Math.max(from, mark.end - start));
  return [
    { text: text.slice(0, from), marked: false },
    { text: text.slice(from, to), marked: true },
    { text: text.slice(to), marked: false },
  ].filter((part) => part.text !== '');
}
