/** PDF: the text of each page in reading order, pages as sections below the titles of the outline. */
import type { PDFDocumentProxy, PDFPageProxy } from 'pdfjs-dist/legacy/build/pdf.mjs';
import * as v from 'valibot';

import { AppError } from '../../../../shared/errors.ts';
import type { Section } from '../../types.ts';
import { counted, normalise, type Alive, type Reading } from '../reading.ts';
import { readOutline, type OutlineEntry } from './outline.ts';
import { pageText } from './page-text.ts';
import { openPdf } from './pdfjs.ts';

const annotation = v.looseObject({
  fieldType: v.optional(v.nullable(v.string())),
  fieldValue: v.optional(v.nullable(v.union([v.string(), v.array(v.string())]))),
  contentsObj: v.optional(v.looseObject({ str: v.string() })),
});
const mostPages = 20_000;
/** ms for all pages: enough for a short file, and more by size for a long one */
const timeBase = 25_000;
const timePerMB = 10_000;
const timeMost = 20 * 60_000;

/** @throws AppError 'unsupported' (password, no text layer), 'invalid-input' */
export async function readPdf(bytes: Buffer, alive: Alive): Promise<Reading> {
  const deadline = performance.now() + Math.min(timeMost, timeBase + (bytes.length / 2 ** 20) * timePerMB);
  const document = await openPdf(bytes);
  try {
    return await readPages(document, deadline, alive);
  } finally {
    await document.loadingTask.destroy();
  }
}

async function readPages(document: PDFDocumentProxy, deadline: number, alive: Alive): Promise<Reading> {
  const outline = await readOutline(document);
  const labels = await document.getPageLabels().catch(() => null);
  const book = new PagesWriter(outline);
  const problems: string[] = [];
  const empty: string[] = [];
  const count = Math.min(document.numPages, mostPages);
  if (document.numPages > count) problems.push(`pages after ${String(count)} (the limit)`);
  for (let index = 0; index < count; index++) {
    if (performance.now() > deadline) {
      problems.push(`pages after ${String(index)} (it took too long)`);
      break;
    }
    const label = labels?.[index]?.trim() ?? '';
    const name = label === '' ? String(index + 1) : label;
    try {
      const text = await textOfPage(document, index + 1);
      if (text.trim() === '') empty.push(name);
      else book.add(index, name, text);
    } catch (error) {
      problems.push(`page ${name} (${error instanceof Error ? error.message : String(error)})`);
    }
    alive();
  }
  const { text, sections } = book.finish();
  if (text === '') throw noText(count, problems);
  if (empty.length > count / 2) problems.push(withoutText(empty));
  return {
    kind: 'pdf',
    text,
    title: await titleOf(document),
    language: null,
    encoding: 'pdf',
    sections,
    problems,
    notes: empty.length > 0 && empty.length <= count / 2 ? [withoutText(empty)] : [],
  };
}

async function textOfPage(document: PDFDocumentProxy, number: number): Promise<string> {
  const page = await document.getPage(number);
  try {
    const { items } = await page.getTextContent();
    const { transform } = page.getViewport({ scale: 1 });
    const text = pageText(
      items.filter((item) => 'str' in item),
      transform as number[],
    );
    const added = await annotationText(page).catch(() => '');
    return normalise([text, added].filter((part) => part !== '').join('\n\n'));
  } finally {
    page.cleanup();
  }
}

/** what was typed into forms, and notes: no part of the page's own text */
async function annotationText(page: PDFPageProxy): Promise<string> {
  const found: unknown[] = await page.getAnnotations();
  const parsed = found.map((one) => v.safeParse(annotation, one));
  const texts = parsed.flatMap(({ success, output }) => {
    if (!success) return [];
    const value = output.fieldType === 'Tx' || output.fieldType === 'Ch' ? output.fieldValue : null;
    return [...[value ?? []].flat(), output.contentsObj?.str ?? ''];
  });
  return texts.filter((text) => text.trim() !== '').join('\n');
}

function noText(pages: number, problems: readonly string[]): AppError {
  if (problems.length > 0)
    return new AppError('invalid-input', `Nothing in it could be read: ${problems.slice(0, 3).join('; ')}.`);
  return new AppError(
    'unsupported',
    `It has no text layer: ${counted(pages, 'page')} of pictures or drawings only.`,
    'Run a program for text recognition (OCR) on it, then update.',
  );
}

function withoutText(pages: readonly string[]): string {
  const shown = pages.slice(0, 8).join(', ');
  return `no text layer on ${pages.length === 1 ? 'page' : 'pages'} ${shown}${pages.length > 8 ? ' …' : ''}`;
}

async function titleOf(document: PDFDocumentProxy): Promise<string | null> {
  const info: unknown = await document.getMetadata().then(
    (metadata) => metadata.info,
    () => null,
  );
  const title: unknown = typeof info === 'object' && info !== null && 'Title' in info ? info.Title : null;
  const clean = typeof title === 'string' ? normalise(title).replace(/\s+/g, ' ').trim() : '';
  // what word processors put there when nobody gave a title
  return clean === '' || /^(untitled|microsoft word|document\d*$)|\.(docx?|dvi|tex|indd|pdf)$/i.test(clean)
    ? null
    : clean;
}

class PagesWriter {
  readonly #outline: readonly OutlineEntry[];
  #next = 0;
  readonly #path: OutlineEntry[] = [];
  readonly #marks: { start: number; headings: readonly string[] }[] = [];
  readonly #parts: string[] = [];
  #length = 0;

  constructor(outline: readonly OutlineEntry[]) {
    this.#outline = outline;
  }

  add(page: number, name: string, text: string): void {
    const start = this.#length === 0 ? 0 : this.#length + 2;
    const entries: OutlineEntry[] = [];
    for (
      let entry = this.#outline[this.#next];
      entry !== undefined && entry.page <= page;
      entry = this.#outline[++this.#next]
    )
      entries.push(entry);
    let from = 0;
    this.#mark(start, name);
    for (const entry of entries) {
      // where its title stands, on its own page; else at the top
      const found = entry.page === page ? positionOf(text, entry.title, from) : null;
      from = found ?? from;
      while ((this.#path.at(-1)?.level ?? 0) >= entry.level) this.#path.pop();
      this.#path.push(entry);
      this.#mark(start + from, name);
    }
    if (this.#length > 0) this.#parts.push('\n\n');
    this.#parts.push(text);
    this.#length = start + text.length;
  }

  finish(): { text: string; sections: readonly Section[] } {
    const sections = this.#marks.map(({ start, headings }, index) => {
      return { start, end: this.#marks[index + 1]?.start ?? this.#length, headings };
    });
    return { text: this.#parts.join(''), sections };
  }

  #mark(start: number, name: string): void {
    if (this.#marks.at(-1)?.start === start) this.#marks.pop();
    this.#marks.push({ start, headings: [...this.#path.map(({ title }) => title), `page ${name}`] });
  }
}

/** the line that the title begins or ends, as far as letters go */
function positionOf(text: string, title: string, from: number): number | null {
  const wanted = bare(title);
  if (wanted.length < 2) return null;
  for (let start = from; start < text.length;) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    const line = bare(text.slice(start, Math.min(end, start + 400)));
    if (
      line.length >= 2 &&
      line.length <= wanted.length + 12 &&
      (line.endsWith(wanted) || wanted.startsWith(line))
    )
      return start;
    start = end + 1;
  }
  return null;
}

function bare(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '');
}
