/** Sections of Markdown and of plain text, by their headings. They cover the whole text. */
import type { Section } from '../types.ts';

export interface Heading {
  /** offset in the text */
  readonly start: number;
  readonly level: number;
  readonly title: string;
}

/** ATX and setext headings (CommonMark 0.31, 4.2 and 4.3), outside of code fences. */
export function markdownSections(text: string): readonly Section[] {
  const headings: Heading[] = [];
  let fence: string | null = null;
  let before: { text: string; start: number } | null = null;
  for (const line of linesOf(text)) {
    const marker = /^ {0,3}(`{3,}|~{3,})/.exec(line.text)?.[1];
    if (fence !== null) {
      if (marker?.startsWith(fence) === true) fence = null;
      continue;
    }
    if (marker !== undefined) fence = marker;
    const atx = /^ {0,3}(#{1,6})(?:[ \t]+(.*?))?(?:[ \t]+#+)?[ \t]*$/.exec(line.text);
    const underline = /^ {0,3}(=+|-+)[ \t]*$/.exec(line.text)?.[1];
    if (atx?.[1] !== undefined)
      headings.push({ start: line.start, level: atx[1].length, title: clean(atx[2] ?? '') });
    else if (underline !== undefined && before !== null)
      headings.push({
        start: before.start,
        level: underline.startsWith('=') ? 1 : 2,
        title: clean(before.text),
      });
    before = isParagraph(line.text) && atx === null ? line : null;
  }
  return sectionsOf(
    text,
    headings.filter((heading) => heading.title !== ''),
  );
}

/**
 * Chapters of a plain-text book: 'CHAPTER 16', 'BOOK II. The Prisoner', 'ACT III' on a line of its own between
 * blank lines (as in the books of Project Gutenberg).
 */
export function plainTextSections(text: string): readonly Section[] {
  const headings: Heading[] = [];
  // one search over the text: a list of its lines would take several times its memory
  const pattern =
    /^[^\S\n]{0,12}(part|book|volume|act|chapter|scene|canto|letter)[^\S\n]+(?:[ivxlcdm]+|\d+)\b[.:]?.{0,60}$/gim;
  for (const match of text.matchAll(pattern)) {
    const [line, kind = ''] = match;
    if (!/^\s*[A-Z]/.test(line)) continue;
    if (!isBlank(lineBefore(text, match.index)) || !isBlank(lineAt(text, match.index + line.length + 1)))
      continue;
    const level = /part|book|volume|act/i.test(kind) ? 1 : 2;
    headings.push({ start: match.index, level, title: clean(line) });
  }
  return sectionsOf(text, headings);
}

function lineBefore(text: string, start: number): string | undefined {
  // the first line has none before it, and the second may be after an empty one
  if (start < 2) return '';
  return lineAt(text, text.lastIndexOf('\n', start - 2) + 1);
}

function lineAt(text: string, start: number): string | undefined {
  if (start > text.length) return undefined;
  const end = text.indexOf('\n', start);
  return text.slice(start, end < 0 ? text.length : end);
}

function isBlank(line: string | undefined): boolean {
  return line === undefined || line.trim() === '';
}

/** a line that a setext underline can make a heading: not blank, not a list item, quote, table or code */
function isParagraph(line: string): boolean {
  return line.trim() !== '' && !/^(?: {4}|\t| {0,3}(?:[-*+>|]|\d+[.)]\s))/.test(line);
}

function clean(title: string): string {
  return title
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/[*_`]+/g, '')
    .replace(/<[^>]*>/g, '')
    .trim();
}

/** Headings in rising order to the sections under them; the text before the first is one, too. */
export function sectionsOf(text: string, headings: readonly Heading[]): readonly Section[] {
  const sections: Section[] = [];
  const first = headings[0]?.start ?? text.length;
  if (first > 0) sections.push({ start: 0, end: first, headings: [] });
  const open: Heading[] = [];
  for (const [index, heading] of headings.entries()) {
    while ((open.at(-1)?.level ?? 0) >= heading.level) open.pop();
    open.push(heading);
    const end = headings[index + 1]?.start ?? text.length;
    if (end > heading.start)
      sections.push({ start: heading.start, end, headings: open.map(({ title }) => title) });
  }
  return sections;
}

export function linesOf(text: string): { text: string; start: number }[] {
  let start = 0;
  return text.split('\n').map((line) => {
    const here = { text: line, start };
    start += line.length + 1;
    return here;
  });
}
