/** Documents: the extracted text of a file, content-addressed by the SHA-256 of its bytes, shared by libraries. */
import { AppError } from '../../shared/errors.ts';
import type { ContentHash, Passage } from '../../shared/model/index.ts';
import { atomically, prepared, type Db } from './database.ts';
import type { PassageIndex } from './passage-index.ts';
import { decodeOptional, encodeOptional, encodeText } from './text.ts';
import { Texts } from './texts.ts';
import type { DocumentHead, DocumentTokens, StoredDocument } from './types.ts';

interface DocumentRow {
  hash: ContentHash;
  kind: string;
  title: string | Buffer | null;
  content_id: number;
  sections: string;
  outcome: 'read' | 'partly';
  reason: string | null;
  extractor_version: number;
}

export class Documents {
  readonly #db: Db;
  readonly #passages: PassageIndex;

  constructor(db: Db, passages: PassageIndex) {
    this.#db = db;
    this.#passages = passages;
  }

  has(hash: ContentHash, extractorVersion: number): boolean {
    const found = prepared(
      this.#db,
      `SELECT 1 FROM documents d JOIN contents c ON c.id = d.content_id
       WHERE c.hash = ? AND d.extractor_version = ?`,
    );
    return found.get(hash, extractorVersion) !== undefined;
  }

  /** The same hash again: nothing changes, unless another extractor made it; then text, passages and ids go. */
  put(document: StoredDocument, passages: readonly Passage[], tokens?: DocumentTokens): void {
    const isKnown = this.has(document.hash, document.extractorVersion);
    if (!isKnown) assertWithin(document, passages);
    atomically(this.#db, () => {
      if (isKnown) {
        if (tokens !== undefined) this.putTokens(document.hash, tokens.tokenizer, tokens.ids);
        return;
      }
      const content = this.#add(document);
      if (tokens !== undefined) this.#addTokens(content, tokens);
      this.#passages.put(content, document.text, passages);
    });
  }

  #add(document: StoredDocument): number {
    const content = this.contentId(document.hash);
    this.removeDocument(content);
    prepared(
      this.#db,
      `INSERT INTO documents (content_id, kind, title, outcome, reason, extractor_version, sections)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ).run(
      content,
      document.kind,
      encodeOptional(document.title),
      document.outcome,
      document.reason,
      document.extractorVersion,
      JSON.stringify(document.sections),
    );
    prepared(this.#db, 'INSERT INTO document_texts VALUES (?, ?)').run(content, encodeText(document.text));
    return content;
  }

  get(hash: ContentHash): StoredDocument | null {
    const row = this.#db
      .prepare<[string], DocumentRow>(
        `SELECT c.hash, d.* FROM contents c JOIN documents d ON d.content_id = c.id
         WHERE c.hash = ? AND d.extractor_version >= 0`,
      )
      .get(hash);
    if (row === undefined) return null;
    return {
      hash: row.hash,
      kind: row.kind,
      title: decodeOptional(row.title),
      text: new Texts(this.#db).whole(row.content_id),
      sections: JSON.parse(row.sections) as StoredDocument['sections'],
      outcome: row.outcome,
      reason: row.reason,
      extractorVersion: row.extractor_version,
    };
  }

  head(hash: ContentHash): DocumentHead | null {
    const row = prepared(
      this.#db,
      `SELECT d.kind, d.title, d.outcome, d.reason FROM contents c JOIN documents d ON d.content_id = c.id
       WHERE c.hash = ? AND d.extractor_version >= 0`,
    ).get(hash) as (Omit<DocumentHead, 'title'> & { title: string | Buffer | null }) | undefined;
    return row === undefined ? null : { ...row, title: decodeOptional(row.title) };
  }

  /** @see Store.documentText */
  text(hash: ContentHash, start: number, end: number): string {
    const content = this.#idOf(hash);
    return content === null ? '' : new Texts(this.#db).slice(content, start, end);
  }

  /** @see Store.documentPiece */
  piece(hash: ContentHash, start: number): { text: string; next: number | null } | null {
    const content = this.#idOf(hash);
    if (content === null) return null;
    const texts = new Texts(this.#db);
    const pieces = texts.pieces(content);
    const at = pieces.findIndex((piece) => piece.start === start);
    if (at < 0) return null;
    return { text: texts.piece(content, start), next: pieces[at + 1]?.start ?? null };
  }

  #idOf(hash: ContentHash): number | null {
    const found = prepared(this.#db, 'SELECT id FROM contents WHERE hash = ?').pluck().get(hash);
    return found === undefined ? null : Number(found);
  }

  /** ids are kept as 32-bit little-endian integers */
  putTokens(hash: ContentHash, tokenizer: string, ids: Int32Array): void {
    const find =
      'SELECT d.content_id FROM documents d JOIN contents c ON c.id = d.content_id WHERE c.hash = ?';
    const document = prepared(this.#db, find).get(hash) as { content_id: number } | undefined;
    if (document === undefined)
      throw new AppError('not-found', `There is no document ${hash}: it has to be stored before its tokens.`);
    prepared(this.#db, 'INSERT OR REPLACE INTO document_tokens VALUES (?, ?, ?, ?)').run(
      document.content_id,
      tokenizer,
      ids.length,
      toLittleEndian(ids),
    );
  }

  /** Of a document without any. A plain INSERT: OR REPLACE may be undone by itself, and FTS5 writes before that. */
  #addTokens(content: number, { tokenizer, ids }: DocumentTokens): void {
    const insert = prepared(this.#db, 'INSERT INTO document_tokens VALUES (?, ?, ?, ?)');
    insert.run(content, tokenizer, ids.length, toLittleEndian(ids));
  }

  tokens(hash: ContentHash, tokenizer: string): Int32Array | null {
    const row = this.#db
      .prepare<[string, string], { content_id: number; count: number; ids: Buffer }>(
        `SELECT t.content_id, t.count, t.ids FROM document_tokens t JOIN contents c ON c.id = t.content_id
         WHERE c.hash = ? AND t.tokenizer = ?`,
      )
      .get(hash, tokenizer);
    if (row === undefined) return null;
    if (row.ids.length === row.count * Int32Array.BYTES_PER_ELEMENT) return fromLittleEndian(row.ids);
    return this.#joinedTokens(row.content_id, tokenizer, row.count);
  }

  /** of a long text */
  #joinedTokens(content: number, tokenizer: string, count: number): Int32Array {
    const all = new Int32Array(count);
    const rows = this.#db
      .prepare<[number, string], { ids: Buffer }>(
        'SELECT ids FROM token_pieces WHERE content_id = ? AND tokenizer = ? ORDER BY start_offset',
      )
      .iterate(content, tokenizer);
    let at = 0;
    for (const { ids } of rows) {
      const piece = fromLittleEndian(ids);
      all.set(piece, at);
      at += piece.length;
    }
    return all;
  }

  tokenCount(hash: ContentHash, tokenizer: string): number | null {
    const row = this.#db
      .prepare<[string, string], { count: number }>(
        `SELECT t.count FROM document_tokens t JOIN contents c ON c.id = t.content_id
         WHERE c.hash = ? AND t.tokenizer = ?`,
      )
      .get(hash, tokenizer);
    return row?.count ?? null;
  }

  /** @see Store.tokenCounts */
  tokenCounts(
    hashes: readonly ContentHash[],
    extractorVersion: number,
    tokenizer: string,
  ): readonly (number | null)[] {
    // One query for all: SQLite compiles a join anew for each value that is bound to it (the planner looks at the
    // values), which took four times as long as the look-ups. CROSS JOIN keeps the order of the tables.
    const find = prepared(
      this.#db,
      `SELECT asked.key AS at, t.count AS tokens FROM json_each(?) asked
       CROSS JOIN contents c ON c.hash = asked.value
       CROSS JOIN documents d ON d.content_id = c.id
       CROSS JOIN document_tokens t ON t.content_id = c.id
       WHERE d.extractor_version = ? AND t.tokenizer = ?`,
    );
    const counts = hashes.map((): number | null => null);
    const rows = find.iterate(JSON.stringify(hashes), extractorVersion, tokenizer);
    for (const { at, tokens } of rows as IterableIterator<{ at: number; tokens: number }>)
      counts[at] = tokens;
    return counts;
  }

  /** the number that stands for a hash in other tables; made when it is new */
  contentId(hash: ContentHash): number {
    const known = this.#idOf(hash);
    if (known !== null) return known;
    return Number(prepared(this.#db, 'INSERT INTO contents (hash) VALUES (?)').run(hash).lastInsertRowid);
  }

  /** for a content that no version refers to any more */
  removeContent(content: number): void {
    this.removeDocument(content);
    this.#db.prepare('DELETE FROM contents WHERE id = ?').run(content);
  }

  /** text, passages and ids of a content */
  removeDocument(content: number): void {
    const isThere = prepared(this.#db, 'SELECT 1 FROM documents WHERE content_id = ?').get(content);
    if (isThere === undefined) return;
    this.#passages.remove(content);
    prepared(this.#db, 'DELETE FROM documents WHERE content_id = ?').run(content);
  }
}

function assertWithin(document: StoredDocument, passages: readonly Passage[]): void {
  const wrong = passages.find(
    ({ start, end }) =>
      !(Number.isInteger(start) && start >= 0 && start <= end && end <= document.text.length),
  );
  if (wrong !== undefined)
    throw new AppError(
      'invalid-input',
      `Passage ${String(wrong.index)} [${String(wrong.start)}, ${String(wrong.end)}) lies outside the text of ` +
        `document ${document.hash} (${String(document.text.length)} characters).`,
    );
}

const littleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

export function toLittleEndian(ids: Int32Array): Buffer {
  const bytes = Buffer.from(ids.buffer, ids.byteOffset, ids.byteLength);
  return littleEndian ? bytes : Buffer.from(bytes).swap32();
}

function fromLittleEndian(bytes: Buffer): Int32Array {
  const copy = Buffer.from(bytes);
  if (!littleEndian) copy.swap32();
  return new Int32Array(copy.buffer.slice(copy.byteOffset, copy.byteOffset + copy.byteLength));
}
