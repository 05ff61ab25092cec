/** EPUB 2 and 3: the text of the spine's documents in their order (linear or not), chapters as sections. */
import { AppError } from '../../../shared/errors.ts';
import type { Section } from '../types.ts';
import { Archive } from '../zip.ts';
import { readPackage, readText, type EpubPackage, type TocEntry } from './epub-package.ts';
import { htmlToText, type HtmlText } from './html-text.ts';
import type { Reading } from './reading.ts';

export interface EpubText {
  readonly text: string;
  readonly title: string | null;
  readonly language: string | null;
  readonly sections: readonly Section[];
  /** what could not be read, in words */
  readonly problems: readonly string[];
}

interface Mark {
  readonly start: number;
  readonly headings: readonly string[];
}

const between = '\n\n';

/** @throws as {@link extractEpub} */
export async function readEpub(bytes: Buffer): Promise<Reading> {
  return { kind: 'epub', encoding: 'utf-8', notes: [], ...(await extractEpub(bytes)) };
}

/** @throws AppError 'invalid-input' or 'unsupported', with what is wrong and no text lost in silence */
export async function extractEpub(bytes: Buffer): Promise<EpubText> {
  if (bytes.toString('latin1', 0, 2) !== 'PK')
    throw new AppError('invalid-input', 'It is named .epub, but is no zip archive.', 'Get the file again.');
  const archive = await Archive.open(bytes);
  const book = await readPackage(archive);
  const problems: string[] = [];
  const writer = new BookWriter(book);
  for (const item of book.spine) {
    if (item.name === null) {
      problems.push(`"${item.href}": ${item.problem ?? 'not readable'}`);
      continue;
    }
    try {
      writer.add(item.name, await readText(archive, item.name));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      problems.push(`"${item.href}": ${error.message}`);
    }
  }
  const { text, sections } = writer.finish();
  if (text === '')
    throw new AppError(
      'unsupported',
      problems.length === 0
        ? 'It holds pictures only, no text.'
        : `Nothing in it could be read: ${problems.join('; ')}.`,
    );
  return { text, title: book.title, language: book.language, sections, problems };
}

class BookWriter {
  readonly #book: EpubPackage;
  readonly #toc = new Map<string, TocEntry[]>();
  readonly #marks: Mark[] = [];
  #text = '';
  /** titles of the table of contents that hold here */
  #chapter: readonly string[] = [];
  #headings: { level: number; title: string }[] = [];

  constructor(book: EpubPackage) {
    this.#book = book;
    for (const entry of book.toc) {
      const list = this.#toc.get(entry.name) ?? [];
      list.push(entry);
      this.#toc.set(entry.name, list);
    }
  }

  add(name: string, source: string): void {
    const entries = this.#toc.get(name) ?? [];
    const wanted = new Set(entries.flatMap((entry) => (entry.fragment === null ? [] : [entry.fragment])));
    const html = htmlToText(source, wanted);
    if (html.text === '') {
      // a picture of the part's title: what follows still belongs to that part
      for (const entry of entries.slice(-1)) this.#enterChapter(entry);
      return;
    }
    if (this.#text !== '') this.#text += between;
    this.#markSections(html, entries, this.#text.length);
    this.#text += html.text;
  }

  finish(): { text: string; sections: readonly Section[] } {
    const sections: Section[] = [];
    for (const [index, mark] of this.#marks.entries()) {
      const end = this.#marks[index + 1]?.start ?? this.#text.length;
      const start = index === 0 ? 0 : mark.start;
      if (end > start) sections.push({ start, end, headings: mark.headings });
    }
    return { text: this.#text, sections };
  }

  #markSections(html: HtmlText, entries: readonly TocEntry[], offset: number): void {
    const chapters = entries.map((entry) => ({
      at: entry.fragment === null ? 0 : (html.anchors.get(entry.fragment) ?? 0),
      entry,
    }));
    const headings = html.headings.map((heading) => ({ at: heading.start, heading }));
    chapters.sort((a, b) => a.at - b.at);
    this.#mark(offset);
    for (let [c, h] = [0, 0]; c < chapters.length || h < headings.length;) {
      const chapter = chapters[c];
      const heading = headings[h];
      if (chapter !== undefined && (heading === undefined || chapter.at <= heading.at)) {
        this.#enterChapter(chapter.entry);
        this.#mark(offset + chapter.at);
        c++;
        continue;
      }
      if (heading !== undefined) {
        const near = chapters[c - 1];
        const says = near !== undefined && html.text.slice(near.at, heading.at).trim() === '';
        if (!(says && alike(near.entry.path.at(-1) ?? '', heading.heading.title))) {
          this.#enterHeading(heading.heading);
          this.#mark(offset + heading.at);
        }
        h++;
      }
    }
  }

  #enterChapter(entry: TocEntry): void {
    this.#chapter = entry.path;
    this.#headings = [];
  }

  #enterHeading(heading: { level: number; title: string }): void {
    this.#headings = this.#headings.filter((open) => open.level < heading.level);
    this.#headings.push(heading);
  }

  /** a new section, unless its headings are the same as before, or it begins where the last one does */
  #mark(start: number): void {
    const title = this.#book.title === null ? [] : [this.#book.title];
    const path = [...title, ...this.#chapter, ...this.#headings.map((heading) => heading.title)];
    const headings = path.filter((part, index) => index === 0 || !alike(part, path[index - 1] ?? ''));
    const last = this.#marks.at(-1);
    if (last !== undefined && last.headings.join('\n') === headings.join('\n')) return;
    if (last?.start === start) this.#marks.pop();
    this.#marks.push({ start, headings });
  }
}

/** the table of contents often shortens or decorates a heading: 'Chapter 1' and 'CHAPTER 1. Loomings.' */
function alike(a: string, b: string): boolean {
  const bare = (text: string): string => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '');
  const [one, other] = [bare(a), bare(b)];
  return one !== '' && other !== '' && (one.startsWith(other) || other.startsWith(one));
}
