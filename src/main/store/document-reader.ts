/** Texts of documents in stretches: the last ones are kept with their line ends, so that paging through one is quick. */
import type { ContentHash } from '../../shared/model/index.ts';
import type { Db } from './database.ts';
import { decodeOptional } from './text.ts';
import { Texts, type Piece } from './texts.ts';
import type { TextSlice } from './views.ts';

/** documents in memory, and how long one may be to stay there, in UTF-16 code units */
const keptDocuments = 4;
const longestKept = 16 * 2 ** 20;
/** how far a stretch is widened for whole lines; longer lines (minified code) are cut */
const longestWidening = 10_000;

/** A text, or a stretch of a long one. */
interface LoadedText {
  readonly content: number;
  readonly extractorVersion: number;
  readonly text: string;
  /** offsets within `text` at which lines begin; the first is 0 */
  readonly lineStarts: readonly number[];
  /** where the stretch begins: offset and line (1-based) in the whole text */
  readonly start: number;
  readonly line: number;
}

/** of a whole text */
interface Extent {
  readonly length: number;
  readonly lines: number;
}

interface HeadRow {
  content_id: number;
  kind: string;
  title: string | Buffer | null;
  sections: string;
  extractor_version: number;
}

export class DocumentReader {
  readonly #db: Db;
  /** used last comes last */
  #kept: readonly LoadedText[] = [];

  constructor(db: Db) {
    this.#db = db;
  }

  /** @see LibraryViews.documentSlice */
  slice(hash: ContentHash, from: number, length: number): TextSlice | null {
    const head = this.#db
      .prepare<[string], HeadRow>(
        `SELECT d.content_id, d.kind, d.title, d.sections, d.extractor_version
         FROM documents d JOIN contents c ON c.id = d.content_id WHERE c.hash = ?`,
      )
      .get(hash);
    if (head === undefined) return null;
    const texts = new Texts(this.#db);
    const { content_id: content, extractor_version: version } = head;
    const isLong = texts.pieces(content).length > 1;
    const loaded = isLong ? stretch(texts, head, from, length) : this.#load(texts, content, version);
    const extent = isLong
      ? extentOf(texts, content)
      : { length: loaded.text.length, lines: loaded.lineStarts.length };
    const { text } = loaded;
    const wanted = Math.min(Math.max(0, from - loaded.start), text.length);
    const { start, end, line } = widened(loaded, wanted, length);
    const sections = JSON.parse(head.sections) as TextSlice['sections'];
    return {
      kind: head.kind,
      title: decodeOptional(head.title),
      ...extent,
      sections: sections.map((section) => ({ start: section.start, headings: section.headings })),
      from: loaded.start + start,
      line: loaded.line - 1 + line,
      text: text.slice(start, end),
    };
  }

  #load(texts: Texts, content: number, extractorVersion: number): LoadedText {
    const known = this.#kept.find(
      (one) => one.content === content && one.extractorVersion === extractorVersion,
    );
    const text = known?.text ?? texts.piece(content, 0);
    const loaded = known ?? loadedText(content, extractorVersion, text, { start: 0, line: 1 });
    const others = this.#kept.filter((one) => one.content !== content);
    if (loaded.text.length <= longestKept) this.#kept = [...others.slice(1 - keptDocuments), loaded];
    return loaded;
  }
}

function loadedText(content: number, extractorVersion: number, text: string, place: Piece): LoadedText {
  const lineStarts = [0];
  for (let at = text.indexOf('\n'); at >= 0 && at + 1 < text.length; at = text.indexOf('\n', at + 1))
    lineStarts.push(at + 1);
  return { content, extractorVersion, text, lineStarts, ...place };
}

/** The pieces of a long text that [from, from + length) and its widening lie in. */
function stretch(texts: Texts, head: HeadRow, from: number, length: number): LoadedText {
  const pieces = texts.pieces(head.content_id);
  const [first, last] = [from - longestWidening, from + length + longestWidening];
  const lying = pieces.filter(
    ({ start }, at) => start <= last && (pieces[at + 1]?.start ?? Infinity) > first,
  );
  const place = lying[0] ?? { start: 0, line: 1 };
  const text = lying.map(({ start }) => texts.piece(head.content_id, start)).join('');
  return loadedText(head.content_id, head.extractor_version, text, place);
}

function extentOf(texts: Texts, content: number): Extent {
  const last = texts.pieces(content).at(-1) ?? { start: 0, line: 1 };
  const text = texts.piece(content, last.start);
  const { lineStarts } = loadedText(content, 0, text, last);
  return { length: last.start + text.length, lines: last.line - 1 + lineStarts.length };
}

/** Whole lines around [from, from + length); `line` is that of the result's first character, 1-based. */
function widened(
  { text, lineStarts }: LoadedText,
  from: number,
  length: number,
): { start: number; end: number; line: number } {
  const first = lineAt(lineStarts, from);
  const lineStart = lineStarts[first] ?? 0;
  const start = from - lineStart > longestWidening ? boundary(text, from) : lineStart;
  const wanted = Math.min(text.length, from + length);
  const lineEnd = lineStarts[lineAt(lineStarts, Math.max(from, wanted - 1)) + 1] ?? text.length;
  const end = lineEnd - wanted > longestWidening ? boundary(text, wanted) : lineEnd;
  return { start, end, line: first + 1 };
}

/** index of the line that holds the offset */
export function lineAt(lineStarts: readonly number[], offset: number): number {
  let [low, high] = [0, lineStarts.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((lineStarts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** never between the halves of a surrogate pair */
function boundary(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return at > 0 && code >= 0xdc00 && code <= 0xdfff ? at - 1 : at;
}
