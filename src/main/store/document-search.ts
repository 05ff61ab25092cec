/** Full-text search in the documents of a library, as its reader types it: hits in place, in pages. */
import type { VersionId } from '../../shared/model/index.ts';
import type { DocumentHit } from '../../shared/rpc/index.ts';
import { termsOf, type Term } from '../../shared/text/terms.ts';
import type { Db } from './database.ts';
import { matchAll, matchesIn, snippet } from './full-text.ts';
import { decodeText } from './text.ts';
import { Texts } from './texts.ts';

/** words of a query beyond these are ignored */
const maxQueryTerms = 32;
/**
 * Passages with the rarest word beyond which hits come in the order of the index instead of by rank: ranking looks
 * at every one of them before the first can be shown.
 */
const maxRanked = 5_000;
/** the beginnings of words that are shorter stand for half of the index */
const shortestPrefix = 3;

interface HitRow {
  content_id: number;
  start_offset: number;
  end_offset: number;
  line_start: number;
  section: string | Buffer;
}

export class DocumentSearch {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  /** @see LibraryViews.searchDocuments */
  find(version: VersionId, query: string, page: { limit: number; offset: number }): readonly DocumentHit[] {
    const terms = termsOf(query).slice(0, maxQueryTerms);
    if (terms.length === 0) return [];
    const isBegun = this.#isBegun(terms);
    const order = this.#rarest(terms, isBegun) > maxRanked ? 'i.rowid' : 'bm25(passage_index), i.rowid';
    // Looked up hit by hit: gathering all contents of a large version first would cost more than the search itself.
    const rows = this.#db
      .prepare<[string, string, number, number], HitRow>(
        `SELECT p.content_id, p.start_offset, p.end_offset, p.line_start, p.section
         FROM passage_index i JOIN passages p ON p.id = i.rowid
         WHERE passage_index MATCH ?
           AND EXISTS (SELECT 1 FROM version_files f WHERE f.version_id = ? AND f.content_id = p.content_id)
         ORDER BY ${order} LIMIT ? OFFSET ?`,
      )
      .all(matchAll(terms, isBegun ? shortestPrefix : Infinity), version, page.limit, page.offset);
    const texts = new Texts(this.#db);
    return rows.map((row) => this.#hit(version, row, terms, texts));
  }

  /** @param texts of the documents that other hits of the page are in */
  #hit(version: VersionId, row: HitRow, terms: readonly Term[], texts: Texts): DocumentHit {
    const path = this.#db
      .prepare<[number, string], string | Buffer>(
        'SELECT path FROM version_files WHERE content_id = ? AND version_id = ? ORDER BY ordinal LIMIT 1',
      )
      .pluck()
      .get(row.content_id, version);
    const text = texts.slice(row.content_id, row.start_offset, row.end_offset);
    const matches = matchesIn(text, terms);
    const before = text.slice(0, matches[0]?.start ?? 0);
    return {
      path: decodeText(path ?? ''),
      start: row.start_offset,
      end: row.end_offset,
      line: row.line_start + before.split('\n').length - 1,
      section: decodeText(row.section),
      snippet: snippet(text, matches),
    };
  }

  /** about how many passages of the whole index have the rarest word of the query */
  #rarest(terms: readonly Term[], isBegun: boolean): number {
    const begun = this.#db
      .prepare<[string, string], number>('SELECT sum(doc) FROM passage_terms WHERE term >= ? AND term < ?')
      .pluck();
    const last = terms.at(-1);
    const others = terms.slice(0, -1).map((term) => this.#passagesWith(term));
    const least = Math.min(...others);
    if (last === undefined || least <= maxRanked) return least;
    const count = isBegun ? begun.get(last.text, `${last.text}\u{10ffff}`) : this.#passagesWith(last);
    return Math.min(least, count ?? 0);
  }

  /**
   * Whether the last word may be the beginning of one. A word that is common by itself is not: joining the lists of
   * all words that begin like `the` takes longer than everything else, and its own hits fill the first pages.
   */
  #isBegun(terms: readonly Term[]): boolean {
    const last = terms.at(-1);
    if (last?.kind !== 'word' || last.text.length < shortestPrefix) return false;
    return this.#passagesWith(last) <= maxRanked;
  }

  #passagesWith(term: Term): number {
    const find = this.#db.prepare<[string], number>('SELECT doc FROM passage_terms WHERE term = ?').pluck();
    return find.get(term.text) ?? 0;
  }
}
