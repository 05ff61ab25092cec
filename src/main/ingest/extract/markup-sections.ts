/** Sections of reStructuredText, Org, AsciiDoc and LaTeX by their headings; the text stays as its author wrote it. */
import type { Section } from '../types.ts';
import { linesOf, sectionsOf, type Heading } from './sections.ts';

/** Levels by the order in which the styles of underline (and overline) appear (docutils, "Sections"). */
export function rstSections(text: string): readonly Section[] {
  const headings: Heading[] = [];
  const styles: string[] = [];
  const lines = linesOf(text);
  for (const [index, line] of lines.entries()) {
    const title = lines[index - 1];
    if (!isRule(line.text) || title === undefined || !isTitle(title.text)) continue;
    const above = lines[index - 2];
    const over = above !== undefined && above.text.trimEnd() === line.text.trimEnd();
    // without a line above, the title stands after a blank line and is no longer than its rule
    if (!over && above !== undefined && above.text.trim() !== '') continue;
    if (line.text.trimEnd().length < Math.min(4, title.text.trim().length)) continue;
    const style = `${line.text.charAt(0)}${over ? '^' : ''}`;
    if (!styles.includes(style)) styles.push(style);
    const start = over ? above.start : title.start;
    headings.push({ start, level: styles.indexOf(style) + 1, title: title.text.trim() });
  }
  return sectionsOf(text, headings);
}

function isRule(line: string): boolean {
  return /^([!-/:-@[-`{-~])\1{2,}\s*$/.test(line);
}

function isTitle(line: string): boolean {
  return /[\p{L}\p{N}]/u.test(line) && !isRule(line);
}

/** `* Heading`, with its keyword and tags taken off, outside of blocks. */
export function orgSections(text: string): readonly Section[] {
  const headings: Heading[] = [];
  let title: Heading | null = null;
  for (const { text: line, start } of linesOf(text)) {
    const keyword = /^#\+title:\s*(.+)$/i.exec(line)?.[1];
    if (keyword !== undefined && headings.length === 0) title ??= { start, level: 0, title: keyword.trim() };
    const match = /^(\*+)\s+(?:(?:TODO|DONE|NEXT|WAITING)\s+)?(?:\[#\w\]\s+)?(.*?)(?:\s+:[\w@:]+:)?\s*$/.exec(
      line,
    );
    if (match?.[1] === undefined || (match[2] ?? '') === '') continue;
    headings.push({ start, level: match[1].length + 1, title: match[2] ?? '' });
  }
  return sectionsOf(text, title === null ? headings : [{ ...title, level: 1 }, ...headings]);
}

/** `== Heading` (or `##`), outside of listings and other delimited blocks. */
export function asciidocSections(text: string): readonly Section[] {
  const headings: Heading[] = [];
  let fence: string | null = null;
  for (const { text: line, start } of linesOf(text)) {
    const delimiter = /^(-{4,}|\.{4,}|\/{4,}|\+{4,}|={4,}|`{3,})\s*$/.exec(line)?.[1];
    if (delimiter !== undefined) {
      if (fence === null) fence = delimiter;
      else if (fence === delimiter) fence = null;
      continue;
    }
    const match = /^(={1,6}|#{1,6})[ \t]+(\S.*?)(?:[ \t]+\1)?[ \t]*$/.exec(line);
    // an example block (====) may hold anything but sections
    if (fence !== null || match?.[1] === undefined) continue;
    headings.push({ start, level: match[1].length, title: match[2] ?? '' });
  }
  return sectionsOf(text, headings);
}

const latexLevels: Readonly<Record<string, number>> = {
  part: 1,
  chapter: 2,
  section: 3,
  subsection: 4,
  subsubsection: 5,
  paragraph: 6,
};

/** `\section{…}` and its kin, one nesting of braces deep, outside of comments. */
export function latexSections(text: string): readonly Section[] {
  const headings: Heading[] = [];
  const pattern =
    /\\(part|chapter|section|subsection|subsubsection|paragraph)\*?\s*(?:\[[^\]\n]{0,200}\]\s*)?\{((?:[^{}]|\{[^{}]{0,200}\}){1,400})\}/g;
  for (const match of text.matchAll(pattern)) {
    const lineStart = text.lastIndexOf('\n', match.index) + 1;
    if (/(?<!\\)%/.test(text.slice(lineStart, match.index))) continue;
    const title = latexTitle(match[2] ?? '');
    if (title !== '') headings.push({ start: lineStart, level: latexLevels[match[1] ?? ''] ?? 6, title });
  }
  const unique = headings.filter(({ start }, index) => start !== headings[index - 1]?.start);
  return sectionsOf(text, unique);
}

function latexTitle(source: string): string {
  return source
    .replace(/\\[a-zA-Z]+\*?\s?/g, '')
    .replace(/[{}$]/g, '')
    .replaceAll('~', ' ')
    .replace(/\s+/g, ' ')
    .trim();
}
