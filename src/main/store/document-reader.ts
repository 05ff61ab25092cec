/** Texts of documents in stretches: the last ones are kept with their line ends, so that paging through one is quick. */
import type { ContentHash } from '../../shared/model/index.ts';
import type { Db } from './database.ts';
import { decodeOptional } from './text.ts';
import type { TextSlice } from './views.ts';

/** documents in memory, and how long one may be to stay there, in UTF-16 code units */
const keptDocuments = 4;
const longestKept = 16 * 2 ** 20;
/** how far a stretch is widened for whole lines; longer lines (minified code) are cut */
const longestWidening = 10_000;

interface LoadedText {
  readonly content: number;
  readonly extractorVersion: number;
  readonly text: string;
  /** offsets at which lines begin; the first is 0 */
  readonly lineStarts: readonly number[];
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
    const loaded = this.#load(head.content_id, head.extractor_version);
    const { text } = loaded;
    const { start, end, line } = widened(loaded, Math.min(from, text.length), length);
    const sections = JSON.parse(head.sections) as TextSlice['sections'];
    return {
      kind: head.kind,
      title: decodeOptional(head.title),
      length: text.length,
      lines: loaded.lineStarts.length,
      sections: sections.map((section) => ({ start: section.start, headings: section.headings })),
      from: start,
      line,
      text: text.slice(start, end),
    };
  }

  /** the whole text of a content, and nothing kept of it; '' where there is none */
  text(content: number): string {
    // as bytes: Node decodes them several times as fast as the driver does where they are not ASCII
    const row = this.#db
      .prepare<[number], { kind: 'text' | 'blob'; bytes: Buffer }>(
        'SELECT typeof(text) AS kind, CAST(text AS BLOB) AS bytes FROM document_texts WHERE content_id = ?',
      )
      .get(content);
    return row?.bytes.toString(row.kind === 'text' ? 'utf8' : 'utf16le') ?? '';
  }

  #load(content: number, extractorVersion: number): LoadedText {
    const known = this.#kept.find(
      (one) => one.content === content && one.extractorVersion === extractorVersion,
    );
    const loaded = known ?? this.#read(content, extractorVersion);
    const others = this.#kept.filter((one) => one.content !== content);
    if (loaded.text.length <= longestKept) this.#kept = [...others.slice(1 - keptDocuments), loaded];
    return loaded;
  }

  #read(content: number, extractorVersion: number): LoadedText {
    const text = this.text(content);
    const lineStarts = [0];
    for (let at = text.indexOf('\n'); at >= 0 && at + 1 < text.length; at = text.indexOf('\n', at + 1))
      lineStarts.push(at + 1);
    return { content, extractorVersion, text, lineStarts };
  }
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
