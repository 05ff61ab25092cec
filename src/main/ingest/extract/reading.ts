/** What a reader of one format hands back, and the writer that most of them build it with. */
import type { DocumentKind, Section } from '../types.ts';
import { sectionsOf, type Heading } from './sections.ts';

export interface Reading {
  readonly kind: DocumentKind;
  /** line ends \n, no NUL; may be empty: then there was nothing to read */
  readonly text: string;
  readonly title: string | null;
  readonly language: string | null;
  /** of text files; a guess ends with '?' */
  readonly encoding: string;
  readonly sections: readonly Section[];
  /** what could not be read, in words: the document is read partly */
  readonly problems: readonly string[];
  /** what was left out or guessed, in words: the document is read all the same */
  readonly notes: readonly string[];
}

/** what a text format's reader makes of the decoded text */
export type TextReading = Omit<Reading, 'encoding' | 'problems'>;

/** told while a reader works, about once a page or a message: the time limit starts anew */
export type Alive = () => void;

/** Blocks of text, one after the other, with headings at some of them. */
export class TextWriter {
  #parts: string[] = [];
  #length = 0;
  readonly #headings: Heading[] = [];
  #waiting: Omit<Heading, 'start'>[] = [];

  get length(): number {
    return this.#length;
  }

  /** Stands over the next block, and what follows. @param level 1 is the outermost */
  heading(level: number, title: string): void {
    const clean = title.replace(/\s+/g, ' ').trim();
    if (clean !== '') this.#waiting.push({ level, title: clean });
  }

  /** @param separator between it and what was there before */
  add(block: string, separator = '\n\n'): void {
    const text = normalise(block).replace(/^\n+|\s+$/g, '');
    if (text.trim() === '') return;
    if (this.#length > 0) this.#append(separator);
    // of several headings at one place only the path counts that the last one leaves
    for (const heading of this.#waiting) this.#headings.push({ ...heading, start: this.#length });
    this.#waiting = [];
    this.#append(text);
  }

  /** sections cover the whole text */
  finish(): { text: string; sections: readonly Section[] } {
    const text = this.#parts.join('');
    return { text, sections: sectionsOf(text, this.#headings) };
  }

  #append(text: string): void {
    this.#parts.push(text);
    this.#length += text.length;
  }
}

/** line ends \n; no byte-order mark; no NUL, which some tools take for the end; no half of a surrogate pair */
export function normalise(text: string): string {
  const clean = text.startsWith('\ufeff') ? text.slice(1) : text;
  const lines = clean.includes('\r') ? clean.replace(/\r\n?/g, '\n') : clean;
  return (lines.includes('\0') ? lines.replaceAll('\0', '\ufffd') : lines).toWellFormed();
}

/** `3 pictures`, `1 picture` */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${String(count)} ${count === 1 ? one : many}`;
}
