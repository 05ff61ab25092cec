/** Files whose bytes are text: decoded, then read by what their markup means. Plain text keeps every character. */
import type { Encoding } from '../../../shared/encodings.ts';
import { languageOf } from '../languages.ts';
import type { DocumentKind, FileFormat, Section } from '../types.ts';
import { decodeAs, decodeBytes, type DecodedText } from './encoding.ts';
import { htmlDocument } from './html-document.ts';
import { asciidocSections, latexSections, orgSections, rstSections } from './markup-sections.ts';
import { notebookDocument } from './notebook.ts';
import { normalise, type Reading, type TextReading } from './reading.ts';
import { rtfDocument } from './rtf.ts';
import { markdownSections, plainTextSections } from './sections.ts';
import { subtitleText } from './subtitles.ts';
import { tableSections } from './table-sections.ts';

/**
 * @param path for the language of source code
 * @param chosen by the user; null: what the bytes suggest
 */
export function readTextual(
  bytes: Buffer,
  format: FileFormat,
  path: string,
  chosen: Encoding | null = null,
): Reading {
  if (format === 'rtf') return rtfDocument(bytes);
  const decoded =
    chosen === null ? decodeBytes(bytes, declaredEncoding(bytes, format, path)) : decodeAs(bytes, chosen);
  const reading = interpreted(normalise(decoded.text), format, path);
  return {
    ...reading,
    encoding: decoded.encoding,
    problems: faults(decoded),
    notes: [...reading.notes, ...guessNote(decoded)],
  };
}

/** @param text normalised */
export function interpreted(text: string, format: FileFormat, path: string): TextReading {
  switch (format) {
    case 'markdown':
      return marked('markdown', text, markdownSections(text));
    case 'rst':
      return marked('text', text, rstSections(text));
    case 'org':
      return marked('text', text, orgSections(text));
    case 'asciidoc':
      return marked('text', text, asciidocSections(text));
    case 'latex':
      return marked('text', text, latexSections(text));
    case 'subtitles':
      return plain('subtitles', subtitleText(text));
    case 'csv':
      return { ...plain('data', text), sections: tableSections(text) };
    case 'notebook':
      return notebookDocument(text) ?? code(text, 'json');
    case 'html':
      return htmlDocument(text) ?? code(text, 'html');
    case 'code':
      return code(text, languageOf(path));
    default:
      return { ...plain('text', text), sections: plainTextSections(text) };
  }
}

function plain(kind: DocumentKind, text: string): TextReading {
  const sections = [{ start: 0, end: text.length, headings: [] }];
  return { kind, text, title: null, language: null, sections, notes: [] };
}

function code(text: string, language: string | null): TextReading {
  return { ...plain('code', text), language };
}

/** the first outermost heading is the title */
function marked(kind: DocumentKind, text: string, sections: readonly Section[]): TextReading {
  const title = sections.find((section) => section.headings.length === 1)?.headings[0] ?? null;
  return { ...plain(kind, text), title, sections };
}

/** what an HTML or XML file says about itself */
export function declaredEncoding(bytes: Buffer, format: FileFormat, path: string): string | undefined {
  const says = format === 'html' || (format === 'code' && languageOf(path) === 'xml');
  if (!says) return undefined;
  const head = bytes.toString('latin1', 0, 2048);
  return /(?:encoding|charset)\s*=\s*["']?\s*([\w.:-]+)/i.exec(head)?.[1];
}

function faults({ faults: count, encoding }: DecodedText): string[] {
  if (count === 0) return [];
  const name = encoding.replace('?', ' (guessed)');
  return [`${String(count)} places are not valid ${name}; they show as U+FFFD`];
}

function guessNote({ encoding }: DecodedText): string[] {
  return encoding.endsWith('?') ? [`the encoding was guessed: ${encoding.slice(0, -1)}`] : [];
}
