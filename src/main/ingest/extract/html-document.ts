/** An HTML file: title, text, headings. Templates of programs keep their source: there the markup is the matter. */
import { htmlToText } from './html-text.ts';
import type { TextReading } from './reading.ts';
import { sectionsOf } from './sections.ts';

/** Jinja, Handlebars, ERB, PHP, Angular, Vue */
const template = /\{\{|\{%|<%|<\?php|\*ng(?:If|For)=|\bv-(?:if|for)=/;

/** @returns null for a template, and for a page whose text a script makes */
export function htmlDocument(source: string): TextReading | null {
  if (template.test(source.slice(0, 1 << 16).replace(/<(script|style|pre|code)\b[\s\S]*?<\/\1>/gi, '')))
    return null;
  const { text, headings, title, language } = htmlToText(source);
  if (text === '') return null;
  const sections = sectionsOf(text, headings);
  return { kind: 'html', text, title: title ?? headings[0]?.title ?? null, language, sections, notes: [] };
}
