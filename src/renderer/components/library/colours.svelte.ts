/** Colours of the code that is looked at, block by block: a block ends where a new thing begins at the left edge. */
import { highlight, type Word } from '../../lib/markdown/highlight.ts';
import { languageId } from '../../lib/markdown/grammars.ts';
import type { LoadedSlice, OpenDocument } from '../../stores/document.svelte.ts';

type Line = readonly Word[];

/** lines: few enough to be coloured between two frames or so */
const BLOCK = 80;
/** the first time a grammar's rules are compiled, which may take a block longer than it gets */
const TRIES = 3;

export class Colours {
  #lines = $state.raw<ReadonlyMap<number, Line>>(new Map());
  readonly #document: OpenDocument;
  readonly #language: string | null;
  readonly #asked = new Set<number>();
  readonly #stop = new AbortController();

  constructor(document: OpenDocument) {
    this.#document = document;
    this.#language = languageId(extensionOf(document.path));
  }

  /** Words of a line (1-based); null: it is plain, or not coloured yet. */
  line(number: number): Line | null {
    return this.#lines.get(number) ?? null;
  }

  /** Called for a line in view. */
  want(number: number): void {
    if (this.#language === null) return;
    const slice = this.#document.slices.find(
      ({ line, lines }) => number >= line && number < line + lines.length,
    );
    if (slice === undefined) return;
    const start = blockStart(slice, number - slice.line);
    const first = slice.line + start;
    if (this.#asked.has(first)) return;
    this.#asked.add(first);
    void this.#colour(first, slice.lines.slice(start, blockEnd(slice, start)), this.#language);
  }

  stop(): void {
    this.#stop.abort();
  }

  async #colour(first: number, lines: readonly string[], language: string): Promise<void> {
    const { signal } = this.#stop;
    let found: readonly Line[] | null = null;
    for (let i = 0; i < TRIES && found === null && !signal.aborted; i++)
      found = await highlight(lines.join('\n'), language, signal).catch(() => null);
    if (found === null || signal.aborted) return;
    const next = new Map(this.#lines);
    for (const [i, words] of found.entries()) next.set(first + i, words);
    this.#lines = next;
  }
}

function extensionOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase();
  return name.includes('.') ? name.slice(name.lastIndexOf('.') + 1) : name;
}

/** Index of the first line of the block that holds line `at` of the slice. */
function blockStart(slice: LoadedSlice, at: number): number {
  let start = 0;
  for (let end = blockEnd(slice, start); end <= at; end = blockEnd(slice, start)) start = end;
  return start;
}

/** After about `BLOCK` lines, before a line that begins at the left edge behind an empty one. */
function blockEnd({ lines }: LoadedSlice, start: number): number {
  for (let i = start + BLOCK; i < Math.min(lines.length, start + 2 * BLOCK); i++)
    if (lines[i - 1]?.trim() === '' && /^\S/.test(lines[i] ?? '')) return i;
  return Math.min(lines.length, start + 2 * BLOCK);
}
