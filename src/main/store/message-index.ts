/** Full-text search over finished messages. */
import type { ConversationId, MessageId } from '../../shared/model/index.ts';
import { termsOf, type Term } from '../../shared/text/terms.ts';
import type { Db } from './database.ts';
import { matchAll, matchesIn, snippet } from './full-text.ts';
import { decodeText } from './text.ts';
import type { MessageHit } from './types.ts';

/** words of a query beyond these are ignored */
const maxQueryTerms = 32;

interface HitRow {
  id: MessageId;
  conversation_id: ConversationId;
  title: string | Buffer;
  content: string | Buffer;
}

export class MessageIndex {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  put(seq: number, content: string): void {
    this.remove(seq);
    const terms = termsOf(content).map((term) => term.text);
    this.#db.prepare('INSERT INTO message_index (rowid, terms) VALUES (?, ?)').run(seq, terms.join(' '));
  }

  remove(seq: number): void {
    this.#db.prepare('DELETE FROM message_index WHERE rowid = ?').run(seq);
  }

  /** Messages with all of the query's words, the last one as a prefix; best match first, then the latest. */
  search(query: string, limit: number): readonly MessageHit[] {
    const terms = termsOf(query).slice(0, maxQueryTerms);
    if (terms.length === 0 || limit <= 0) return [];
    return this.#db
      .prepare<[string, number], HitRow>(
        `SELECT m.id, m.conversation_id, c.title, m.content
         FROM message_index i JOIN messages m ON m.seq = i.rowid JOIN conversations c ON c.id = m.conversation_id
         WHERE message_index MATCH ? AND c.deleted_at IS NULL
         ORDER BY bm25(message_index), m.seq DESC LIMIT ?`,
      )
      .all(matchAll(terms), limit)
      .map((row) => ({
        conversationId: row.conversation_id,
        messageId: row.id,
        title: decodeText(row.title),
        snippet: textAround(decodeText(row.content), terms),
      }));
  }
}

function textAround(content: string, query: readonly Term[]): string {
  return snippet(content, matchesIn(content, query));
}
