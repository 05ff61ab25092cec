/**
 * Documents whose text comes in pieces, each with its passages and ids a transaction of its own: a kill costs one piece.
 * Until the last has come the document's extractor version is negative, so that it counts as not there.
 */
import { AppError } from '../../shared/errors.ts';
import type { ContentHash, Passage } from '../../shared/model/index.ts';
import { atomically, prepared, type Db } from './database.ts';
import { toLittleEndian, type Documents } from './documents.ts';
import type { PassageIndex } from './passage-index.ts';
import { encodeOptional, encodeText } from './text.ts';
import { Texts } from './texts.ts';
import type { DocumentTokens, Store, StoredDocument, StoredPiece } from './types.ts';

const noIds = Buffer.alloc(0);

export class LongDocuments {
  readonly #db: Db;
  readonly #documents: Documents;
  readonly #passages: PassageIndex;

  constructor(db: Db, documents: Documents, passages: PassageIndex) {
    this.#db = db;
    this.#documents = documents;
    this.#passages = passages;
  }

  /** @see Store.beginLongDocument */
  begin({ hash, kind, extractorVersion }: Parameters<Store['beginLongDocument']>[0]): number {
    return atomically(this.#db, () => {
      const content = this.#documents.contentId(hash);
      const begun = prepared(
        this.#db,
        'SELECT 1 FROM documents WHERE content_id = ? AND extractor_version = ?',
      ).get(content, -extractorVersion);
      if (begun !== undefined) return this.#storedUpTo(content);
      this.#documents.removeDocument(content);
      prepared(
        this.#db,
        `INSERT INTO documents (content_id, kind, title, outcome, reason, extractor_version, sections)
         VALUES (?, ?, NULL, 'partly', NULL, ?, '[]')`,
      ).run(content, kind, -extractorVersion);
      return 0;
    });
  }

  putPiece(
    hash: ContentHash,
    { start, line, text }: StoredPiece,
    passages: readonly Passage[],
    { tokenizer, ids }: DocumentTokens,
  ): void {
    atomically(this.#db, () => {
      const content = this.#begun(hash);
      if (start < this.#storedUpTo(content)) return;
      if (start === 0)
        prepared(this.#db, 'INSERT INTO document_texts VALUES (?, ?)').run(content, encodeText(text));
      else
        prepared(this.#db, 'INSERT INTO text_pieces VALUES (?, ?, ?, ?)').run(
          content,
          start,
          line,
          encodeText(text),
        );
      prepared(this.#db, 'INSERT INTO token_pieces VALUES (?, ?, ?, ?, ?)').run(
        content,
        tokenizer,
        start,
        ids.length,
        toLittleEndian(ids),
      );
      this.#passages.put(content, text, passages, start);
    });
  }

  /** @see Store.finishLongDocument */
  finish(document: Omit<StoredDocument, 'text'>, tokenizer: string): number | null {
    return atomically(this.#db, () => {
      prepared(
        this.#db,
        `UPDATE documents SET kind = ?, title = ?, outcome = ?, reason = ?, extractor_version = ?, sections = ?
         WHERE content_id = ?`,
      ).run(
        document.kind,
        encodeOptional(document.title),
        document.outcome,
        document.reason,
        document.extractorVersion,
        JSON.stringify(document.sections),
        this.#begun(document.hash),
      );
      return this.finishTokens(document.hash, tokenizer);
    });
  }

  putTokenPiece(hash: ContentHash, tokenizer: string, start: number, ids: Int32Array): void {
    prepared(this.#db, 'INSERT OR REPLACE INTO token_pieces VALUES (?, ?, ?, ?, ?)').run(
      this.#begun(hash),
      tokenizer,
      start,
      ids.length,
      toLittleEndian(ids),
    );
  }

  /** null: ids of some pieces are missing */
  finishTokens(hash: ContentHash, tokenizer: string): number | null {
    const content = this.#begun(hash);
    const found = prepared(
      this.#db,
      `SELECT count(*) AS pieces, sum(count) AS ids FROM token_pieces WHERE content_id = ? AND tokenizer = ?`,
    ).get(content, tokenizer) as { pieces: number; ids: number | null };
    if (found.pieces !== new Texts(this.#db).pieces(content).length) return null;
    const count = found.ids ?? 0;
    prepared(this.#db, 'INSERT OR REPLACE INTO document_tokens VALUES (?, ?, ?, ?)').run(
      content,
      tokenizer,
      count,
      noIds,
    );
    return count;
  }

  #storedUpTo(content: number): number {
    const last = prepared(
      this.#db,
      'SELECT start_offset AS start FROM text_pieces WHERE content_id = ? ORDER BY start_offset DESC LIMIT 1',
    ).get(content) as { start: number } | undefined;
    const start = last?.start ?? 0;
    return start + new Texts(this.#db).piece(content, start).length;
  }

  #begun(hash: ContentHash): number {
    const row = prepared(
      this.#db,
      'SELECT d.content_id AS content FROM documents d JOIN contents c ON c.id = d.content_id WHERE c.hash = ?',
    ).get(hash) as { content: number } | undefined;
    if (row === undefined) throw new AppError('not-found', `The long document ${hash} was not begun.`);
    return row.content;
  }
}
