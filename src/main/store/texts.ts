/** Stored texts, whole or in stretches: a short one is one row, a long one its first piece and those that follow it. */
import { prepared, type Db } from './database.ts';

/** code units of one text that are put together at once: V8 has no longer strings */
const longestString = 2 ** 29 - 64;

interface TextRow {
  readonly kind: 'text' | 'blob';
  readonly bytes: Buffer;
}

export interface Piece {
  readonly start: number;
  /** 1-based line of its first character */
  readonly line: number;
}

/** Reads texts; keeps the pieces that it has read, so it lives as long as one call. */
export class Texts {
  readonly #db: Db;
  readonly #pieces = new Map<number, readonly Piece[]>();
  readonly #read = new Map<string, string>();

  constructor(db: Db) {
    this.#db = db;
  }

  /** in order; the first one begins at 0. A text that is not there is one piece without text. */
  pieces(content: number): readonly Piece[] {
    const known = this.#pieces.get(content);
    if (known !== undefined) return known;
    const rows = prepared(
      this.#db,
      `SELECT start_offset AS start, line_start AS line FROM text_pieces WHERE content_id = ? ORDER BY start_offset`,
    ).all(content) as Piece[];
    const pieces = [{ start: 0, line: 1 }, ...rows];
    this.#pieces.set(content, pieces);
    return pieces;
  }

  /** the piece that begins at an offset; '' where there is none */
  piece(content: number, start: number): string {
    const key = `${String(content)} ${String(start)}`;
    const known = this.#read.get(key);
    if (known !== undefined) return known;
    const text = this.#load(content, start);
    this.#read.set(key, text);
    return text;
  }

  /** text[start, end) */
  slice(content: number, start: number, end: number): string {
    const pieces = this.pieces(content);
    if (pieces.length === 1) return this.piece(content, 0).slice(start, end);
    let joined = '';
    for (const [at, piece] of pieces.entries()) {
      const next = pieces[at + 1]?.start ?? Infinity;
      if (next <= start || piece.start >= end) continue;
      joined += this.piece(content, piece.start).slice(Math.max(0, start - piece.start), end - piece.start);
    }
    return joined;
  }

  /** the whole text, cut where a string can't be longer */
  whole(content: number): string {
    return this.slice(content, 0, longestString);
  }

  #load(content: number, start: number): string {
    // as bytes: Node decodes them several times as fast as the driver does where they are not ASCII
    const columns = 'SELECT typeof(text) AS kind, CAST(text AS BLOB) AS bytes FROM';
    const row =
      start === 0
        ? prepared(this.#db, `${columns} document_texts WHERE content_id = ?`).get(content)
        : prepared(this.#db, `${columns} text_pieces WHERE content_id = ? AND start_offset = ?`).get(
            content,
            start,
          );
    if (row === undefined) return '';
    const { kind, bytes } = row as TextRow;
    return bytes.toString(kind === 'text' ? 'utf8' : 'utf16le');
  }
}
