/** Full-text search over finished messages. */
import type { ConversationId, MessageId } from '../../shared/model/index.ts';
import { termsOf, type Term } from '../../shared/text/terms.ts';
import type { Db } from './database.ts';
import { decodeText } from './text.ts';
import type { MessageHit } from './types.ts';

const snippetRadius = 60;
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
    this.#db.prepare('DELETE FROM message_index WHERE rowid = ?').run(seq);
    const terms = termsOf(content).map((term) => term.text);
    this.#db.prepare('INSERT INTO message_index (rowid, terms) VALUES (?, ?)').run(seq, terms.join(' '));
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
        snippet: snippet(decodeText(row.content), terms),
      }));
  }
}

/** an FTS5 expression: all terms; a single character of an unspaced script begins a pair */
function matchAll(terms: readonly Term[]): string {
  const lastEnd = terms.at(-1)?.end;
  return runs(terms)
    .map((run) => {
      const isLast = run.at(-1)?.end === lastEnd;
      const text = run.map((term) => term.text).join(' ');
      const prefix = run[0]?.kind === 'single' || (isLast && run[0]?.kind === 'word');
      return `"${text}"${prefix ? '*' : ''}`;
    })
    .join(' AND ');
}

/** pairs that follow each other form a phrase; the single character at a run's end is in its last pair already */
function runs(terms: readonly Term[]): Term[][] {
  const found: Term[][] = [];
  for (const term of terms) {
    const run = found.at(-1);
    const before = run?.at(-1);
    const adjoins = before?.kind === 'pair' && term.start < before.end;
    if (run === undefined || !adjoins) found.push([term]);
    else if (term.kind === 'pair') run.push(term);
  }
  return found;
}

/** Text around the first match, all matches within it between U+0001 and U+0002. */
function snippet(content: string, query: readonly Term[]): string {
  const wanted = new Set(query.map((term) => term.text));
  const last = query.at(-1);
  const matches = termsOf(content).filter(
    (term) => wanted.has(term.text) || (last !== undefined && term.text.startsWith(last.text)),
  );
  const first = matches[0];
  const from = boundary(content, Math.max(0, (first?.start ?? 0) - snippetRadius));
  const to = boundary(content, Math.min(content.length, (first?.end ?? 0) + 2 * snippetRadius));
  let marked = '';
  let at = from;
  for (const match of matches) {
    if (match.start < at || match.end > to) continue;
    marked += `${content.slice(at, match.start)}\u0001${content.slice(match.start, match.end)}\u0002`;
    at = match.end;
  }
  marked += content.slice(at, to);
  return `${from > 0 ? '…' : ''}${marked}${to < content.length ? '…' : ''}`;
}

/** never between the halves of a surrogate pair */
function boundary(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return at > 0 && code >= 0xdc00 && code <= 0xdfff ? at - 1 : at;
}
