/**
 * One document's text in slices, as far as it is looked at. Lines are addressed by number and text by offset: where a
 * line begins is known at the edges of slices and guessed between them; each answer makes the guess better.
 */
import type { DocumentSlice } from '../../shared/rpc/index.ts';
import { core } from './core.svelte.ts';

/** UTF-16 code units that are asked for at once, and the slices that are kept */
const SLICE = 60_000;
const KEPT = 24;

export interface LoadedSlice {
  readonly from: number;
  readonly end: number;
  /** 1-based, of its first line */
  readonly line: number;
  readonly lines: readonly string[];
}

export class OpenDocument {
  readonly library: string;
  readonly path: string;
  about = $state.raw<Omit<DocumentSlice, 'text' | 'from' | 'line'> | null>(null);
  /** in the order of the text */
  slices = $state.raw<readonly LoadedSlice[]>([]);
  error = $state.raw<unknown>(null);
  readonly #asked = new Set<number>();

  constructor(library: string, path: string) {
    this.library = library;
    this.path = path;
  }

  /** Whether the document has another text by now: it was changed, or read anew in another way. */
  async isOther(): Promise<boolean> {
    if (this.about === null) return this.error !== null;
    const { library: name, path } = this;
    const now = await core.client.call('library.document', { name, path, length: 1 }).catch(() => null);
    return now !== null && now.hash !== this.about.hash;
  }

  /** Loads the slice around an offset; resolves when it is there, or failed. */
  async load(offset: number): Promise<void> {
    const from = Math.max(0, Math.floor(offset));
    if (this.#asked.has(from) || this.sliceAt(from) !== undefined) return;
    this.#asked.add(from);
    try {
      const slice = await core.client.call('library.document', {
        name: this.library,
        path: this.path,
        from,
        length: SLICE,
      });
      this.error = null;
      this.#put(slice);
    } catch (error) {
      this.error = error;
    }
    this.#asked.delete(from);
  }

  sliceAt(offset: number): LoadedSlice | undefined {
    return this.slices.find(({ from, end }) => offset >= from && offset < end);
  }

  /** Text of a line (1-based) and where it begins; null = not loaded. */
  line(number: number): { readonly text: string; readonly start: number } | null {
    const slice = this.slices.find(({ line, lines }) => number >= line && number < line + lines.length);
    if (slice === undefined) return null;
    let start = slice.from;
    for (let i = slice.line; i < number; i++) start += (slice.lines[i - slice.line]?.length ?? 0) + 1;
    return { text: slice.lines[number - slice.line] ?? '', start };
  }

  /** Asks for the slice that a line should be in. */
  async loadLine(number: number): Promise<void> {
    await this.load(this.#offsetOf(number));
  }

  /** The slice after the last one, or before the first one. */
  async loadBeside(which: 'before' | 'after'): Promise<void> {
    const edge = which === 'after' ? this.slices.at(-1)?.end : this.slices[0]?.from;
    if (edge === undefined || this.about === null) return;
    if (which === 'after' && edge < this.about.length) await this.load(edge);
    if (which === 'before' && edge > 0) await this.load(Math.max(0, edge - SLICE));
  }

  /** Drops everything but the slice around an offset: a jump. */
  async jump(offset: number): Promise<void> {
    if (this.sliceAt(offset) === undefined) {
      this.slices = [];
      // some text before the place, so that it can be read in its surroundings
      await this.load(Math.max(0, offset - SLICE / 4));
    }
  }

  /** Between the nearest known edges, in proportion. */
  #offsetOf(number: number): number {
    const { length = 0, lines = 1 } = this.about ?? {};
    let low = { line: 1, offset: 0 };
    let high = { line: lines + 1, offset: length };
    for (const slice of this.slices) {
      const after = { line: slice.line + slice.lines.length, offset: slice.end };
      if (after.line <= number && after.line >= low.line) low = after;
      if (slice.line > number && slice.line <= high.line) high = { line: slice.line, offset: slice.from };
    }
    const share = (number - low.line) / Math.max(1, high.line - low.line);
    const guess = Math.floor(low.offset + share * (high.offset - low.offset));
    return Math.max(low.offset, number === low.line ? guess : guess - SLICE / 4);
  }

  #put({ text, from, line, ...about }: DocumentSlice): void {
    this.about = about;
    if (text === '') return;
    const lines = text.split('\n');
    // A slice ends with its last line's break: what follows that break is the next slice's.
    if (text.endsWith('\n')) lines.pop();
    const slice: LoadedSlice = { from, end: from + text.length, line, lines };
    const others = this.slices.filter((one) => one.end <= slice.from || one.from >= slice.end);
    const sorted = [...others, slice].sort((a, b) => a.from - b.from);
    const at = sorted.indexOf(slice);
    const first = Math.max(0, Math.min(at - KEPT / 2, sorted.length - KEPT));
    this.slices = sorted.slice(first, first + KEPT);
  }
}
