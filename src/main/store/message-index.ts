/** Full-text search over finished messages. */
import type { ConversationId, MessageId } from '../../shared/model/index.ts';
import { foldText, termsOf, type Term } from '../../shared/text/terms.ts';
import type { Db } from './database.ts';
import { matchAll, matchesIn, matchingTerms, snippet } from './full-text.ts';
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

  /**
   * Messages with all of the query's words, the last one as a prefix: best match first, then the latest. Before them
   * conversations of whose words only the title has them, each by its current message.
   */
  search(query: string, limit: number): readonly MessageHit[] {
    const terms = termsOf(query).slice(0, maxQueryTerms);
    if (terms.length === 0 || limit <= 0) return [];
    const said = this.#inMessages(terms, limit);
    const known = new Set(said.map(({ conversationId }) => conversationId));
    return [...this.#inTitles(terms, known, limit), ...said].slice(0, limit);
  }

  #inMessages(terms: readonly Term[], limit: number): readonly MessageHit[] {
    return this.#db
      .prepare<[string, number], HitRow>(
        `SELECT m.id, m.conversation_id, c.title, m.content
         FROM message_index i JOIN messages m ON m.seq = i.rowid JOIN conversations c ON c.id = m.conversation_id
         WHERE message_index MATCH ? AND c.deleted_at IS NULL
         ORDER BY bm25(message_index), m.seq DESC LIMIT ?`,
      )
      .all(matchAll(terms), limit)
      .map((row) => hitOf(row, decodeText(row.content), terms));
  }

  /** Titles are short and few enough to be looked at one by one: no index to keep, and nothing to be out of date. */
  #inTitles(
    terms: readonly Term[],
    known: ReadonlySet<ConversationId>,
    limit: number,
  ): readonly MessageHit[] {
    const rows = this.#db
      .prepare<[], Omit<HitRow, 'content'>>(
        `SELECT current_id AS id, id AS conversation_id, title FROM conversations
         WHERE deleted_at IS NULL AND current_id IS NOT NULL ORDER BY activity DESC`,
      )
      .all();
    const hits: MessageHit[] = [];
    for (const row of rows) {
      if (hits.length === limit) break;
      const title = decodeText(row.title);
      if (!known.has(row.conversation_id) && hasAll(title, terms)) hits.push(hitOf(row, title, terms));
    }
    return hits;
  }
}

/** letters at the beginning of a word that no stemming changes */
const SURE = 3;

function hasAll(text: string, query: readonly Term[]): boolean {
  const folded = foldText(text);
  if (!query.every((term) => folded.includes(term.text.slice(0, Math.min(SURE, term.text.length - 1)))))
    return false;
  const found = matchingTerms(text, query);
  return query.every((term, index) =>
    found.some((match) =>
      index === query.length - 1 ? match.text.startsWith(term.text) : match.text === term.text,
    ),
  );
}

function hitOf(row: Omit<HitRow, 'content'>, text: string, query: readonly Term[]): MessageHit {
  return {
    conversationId: row.conversation_id,
    messageId: row.id,
    title: decodeText(row.title),
    snippet: snippet(text, matchesIn(text, query)),
  };
}
