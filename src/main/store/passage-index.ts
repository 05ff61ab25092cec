/**
 * Passages and their full-text index. BM25 is FTS5's (k1 = 1.2, b = 0.75); its inverse document frequencies are
 * those of the whole index, the results those of one library version.
 */
import type { ContentHash, Passage, VersionId } from '../../shared/model/index.ts';
import type { Db, Statement } from './database.ts';
import { definedNames, frequencyExpression, searchTerms, type SearchTerm } from './passage-query.ts';
import { TermText } from './term-text.ts';
import { decodeText, encodeText } from './text.ts';
import { Texts } from './texts.ts';
import type { PassageHit, Store } from './types.ts';

interface PassageRow {
  id: number;
  content_id: number;
  hash: ContentHash;
  ordinal: number;
  start_offset: number;
  end_offset: number;
  line_start: number;
  line_end: number;
  section: string | Buffer;
  defines: string;
}

interface Ranked {
  readonly id: number;
  readonly score: number;
}

const passageColumns = `p.id, p.content_id, c.hash, p.ordinal, p.start_offset, p.end_offset, p.line_start, p.line_end,
  p.section, p.defines`;
/** the version's documents; bind the version */
const inVersion = `p.content_id IN (SELECT content_id FROM version_files WHERE version_id = ?)`;

/** Which passages are looked at: a condition on `passages p`, and what it is bound to. */
interface Scope {
  readonly condition: string;
  readonly bound: readonly string[];
}

/** definitions of one name that are looked at (a name like \`get\` can be defined a thousand times) */
const maxDefinitions = 256;

/** Prepared once: a library of small files has hundreds of thousands of calls. */
function writersOf(db: Db): Readonly<Record<'passage' | 'terms' | 'definition', Statement>> {
  return {
    passage: db.prepare(
      `INSERT INTO passages (content_id, ordinal, start_offset, end_offset, line_start, line_end, section, defines)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    terms: db.prepare('INSERT INTO passage_index (rowid, terms) VALUES (?, ?)'),
    definition: db.prepare('INSERT OR IGNORE INTO definitions (name, passage_id) VALUES (?, ?)'),
  };
}

export class PassageIndex {
  readonly #db: Db;
  readonly #write: ReturnType<typeof writersOf>;
  readonly #terms = new TermText();

  constructor(db: Db) {
    this.#db = db;
    this.#write = writersOf(db);
  }

  /** @param base offset of the text in the document that it is a piece of */
  put(content: number, text: string, passages: readonly Passage[], base = 0): void {
    const { passage: insert, terms, definition } = this.#write;
    for (const passage of passages) {
      const { lastInsertRowid: id } = insert.run(
        content,
        passage.index,
        passage.start,
        passage.end,
        passage.lineStart,
        passage.lineEnd,
        encodeText(passage.section),
        JSON.stringify(passage.defines),
      );
      terms.run(id, this.#terms.of(text, passage.start - base, passage.end - base));
      for (const name of passage.defines) definition.run(name.toWellFormed(), id);
    }
  }

  /** all passages of one document */
  remove(content: number): void {
    this.#db
      .prepare('DELETE FROM passage_index WHERE rowid IN (SELECT id FROM passages WHERE content_id = ?)')
      .run(content);
    this.#db.prepare('DELETE FROM passages WHERE content_id = ?').run(content);
  }

  /**
   * Best first. A passage that defines an asked identifier, in the same spelling, stands before all others: its
   * score is raised by the best BM25 score once for each such identifier (half of it where only case differs).
   */
  search(
    version: VersionId,
    query: Parameters<Store['searchPassages']>[1],
    limit: number,
  ): readonly PassageHit[] {
    const count = Math.max(0, Math.floor(limit));
    const terms = this.#informative(searchTerms([...query.words, ...query.identifiers]));
    if (count === 0 || terms.length === 0) return [];
    const expression = terms.map((term) => term.expression).join(' OR ');
    const where = scopeOf(version, query.documents);
    const scores = new Map(this.#ranked(where, expression, count).map(({ id, score }) => [id, score]));
    const boosts = this.#definers(where, query.identifiers);
    const top = Math.max(1, ...scores.values());
    for (const { id, score } of this.#scoresOf([...boosts.keys()], expression)) scores.set(id, score);
    for (const [id, boost] of boosts) scores.set(id, (scores.get(id) ?? 0) + boost * top);
    const best = [...scores].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, count);
    return this.hits(version, best);
  }

  around(hash: ContentHash, ordinal: number, radius: number): readonly { passage: Passage; text: string }[] {
    const rows = this.#db
      .prepare<[string, number, number], PassageRow>(
        `SELECT ${passageColumns} FROM passages p JOIN contents c ON c.id = p.content_id
         WHERE c.hash = ? AND p.ordinal BETWEEN ? AND ? ORDER BY p.ordinal`,
      )
      .all(hash, ordinal - radius, ordinal + radius);
    const texts = new Texts(this.#db);
    return rows.map((row) => ({
      passage: toPassage(row),
      text: texts.slice(row.content_id, row.start_offset, row.end_offset),
    }));
  }

  /** exact counts; where the version holds all that is indexed, straight from the index's own statistics */
  frequencies(version: VersionId, words: readonly string[]): { total: number; counts: readonly number[] } {
    const total = this.#count(`SELECT count(*) FROM passages p WHERE ${inVersion}`, version);
    const whole = total === this.#indexed();
    const counts = words.map((word) => {
      const query = frequencyExpression(word);
      if (query === null) return 0;
      if (whole && query.term !== null) return this.#indexedWith(query.term);
      return this.#count(
        `SELECT count(*) FROM passage_index i JOIN passages p ON p.id = i.rowid
         WHERE passage_index MATCH ? AND ${inVersion}`,
        query.expression,
        version,
      );
    });
    return { total, counts };
  }

  /**
   * Without the terms that stand in more than half of all passages: FTS5 gives them a weight of about zero, and
   * walking their long lists is most of the work. All stay when nothing else is left.
   */
  #informative(terms: readonly SearchTerm[]): readonly SearchTerm[] {
    const half = this.#indexed() / 2;
    const rare = terms.filter((term) => term.text === null || this.#indexedWith(term.text) <= half);
    return rare.length > 0 ? rare : terms;
  }

  #ranked(where: Scope, expression: string, limit: number): readonly Ranked[] {
    return this.#db
      .prepare<[string, ...string[], number], Ranked>(
        `SELECT i.rowid AS id, -bm25(passage_index) AS score
         FROM passage_index i JOIN passages p ON p.id = i.rowid
         WHERE passage_index MATCH ? AND ${where.condition}
         ORDER BY score DESC, id LIMIT ?`,
      )
      .all(expression, ...where.bound, limit);
  }

  /** passages that define an asked name, and how strongly that counts */
  #definers(where: Scope, identifiers: readonly string[]): Map<number, number> {
    const find = this.#db.prepare<[string, ...string[], number], { id: number; name: string }>(
      `SELECT p.id, d.name FROM definitions d JOIN passages p ON p.id = d.passage_id
       WHERE d.name = ? AND ${where.condition} LIMIT ?`,
    );
    const boosts = new Map<number, number>();
    for (const name of definedNames(identifiers)) {
      const own = new Map<number, number>();
      for (const row of find.all(name, ...where.bound, maxDefinitions))
        own.set(row.id, Math.max(own.get(row.id) ?? 0, row.name === name ? 1 : 0.5));
      for (const [id, boost] of own) boosts.set(id, (boosts.get(id) ?? 0) + boost);
    }
    return boosts;
  }

  #scoresOf(ids: readonly number[], expression: string): readonly Ranked[] {
    if (ids.length === 0) return [];
    return this.#db
      .prepare<[string, string], Ranked>(
        `SELECT rowid AS id, -bm25(passage_index) AS score FROM passage_index
         WHERE passage_index MATCH ? AND rowid IN (SELECT value FROM json_each(?))`,
      )
      .all(expression, JSON.stringify(ids));
  }

  /** @param best ids of passages with their scores; one that is gone is left out */
  hits(version: VersionId, best: readonly (readonly [number, number])[]): readonly PassageHit[] {
    const passage = this.#db.prepare<[number], PassageRow>(
      `SELECT ${passageColumns} FROM passages p JOIN contents c ON c.id = p.content_id WHERE p.id = ?`,
    );
    const path = this.#db
      .prepare<[number, string], string | Buffer>(
        'SELECT path FROM version_files WHERE content_id = ? AND version_id = ? ORDER BY ordinal LIMIT 1',
      )
      .pluck();
    const texts = new Texts(this.#db);
    const hits: PassageHit[] = [];
    for (const [id, score] of best) {
      const row = passage.get(id);
      if (row === undefined) continue;
      hits.push({
        passage: toPassage(row),
        path: decodeText(path.get(row.content_id, version) ?? ''),
        text: texts.slice(row.content_id, row.start_offset, row.end_offset),
        score,
      });
    }
    return hits;
  }

  #indexed(): number {
    return this.#count('SELECT count(*) FROM passages');
  }

  #indexedWith(term: string): number {
    const found = this.#db.prepare('SELECT doc FROM passage_terms WHERE term = ?').pluck().get(term);
    return Number(found ?? 0);
  }

  #count(sql: string, ...bound: string[]): number {
    return Number(
      this.#db
        .prepare(sql)
        .pluck()
        .get(...bound),
    );
  }
}

/** The version's documents, or those of them that have one of the paths. */
export function scopeOf(version: VersionId, documents: readonly string[] | undefined): Scope {
  if (documents === undefined) return { condition: inVersion, bound: [version] };
  return {
    condition: `p.content_id IN (SELECT content_id FROM version_files
      WHERE version_id = ? AND path IN (SELECT value FROM json_each(?)))`,
    bound: [version, JSON.stringify(documents)],
  };
}

function toPassage(row: PassageRow): Passage {
  return {
    documentHash: row.hash,
    index: row.ordinal,
    start: row.start_offset,
    end: row.end_offset,
    lineStart: row.line_start,
    lineEnd: row.line_end,
    section: decodeText(row.section),
    defines: JSON.parse(row.defines) as readonly string[],
  };
}
