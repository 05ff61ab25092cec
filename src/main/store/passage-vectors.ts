/**
 * Points that passages have been given (embedding/), and the passages nearest to another point: every point of the
 * version is looked at, so the answer is exact, and its time is bounded by how many there may be.
 */
import type { VersionId } from '../../shared/model/index.ts';
import type { Db } from './database.ts';
import type { PassageIndex } from './passage-index.ts';
import { scopeOf } from './passage-index.ts';
import { decodeText } from './text.ts';
import { Texts } from './texts.ts';
import type { PassageHit, PassageText, PassageVector } from './types.ts';

/**
 * A version with more passages (about 45 MB of text) gets no points, and is found by words alone: to make them takes an
 * hour of a core (0.05 to 0.1 s each), and to look at 100,000 more than the 0.2 s that a question may wait
 * (bench/nearest.ts).
 */
export const MOST_PASSAGES = 50_000;

const SCALE_BYTES = 4;

interface MissingRow {
  id: number;
  content: number;
  start: number;
  end: number;
  section: string | Buffer;
  path: string | Buffer;
}

export class PassageVectors {
  readonly #db: Db;
  readonly #passages: PassageIndex;

  constructor(db: Db, passages: PassageIndex) {
    this.#db = db;
    this.#passages = passages;
  }

  /** @see Store.passagesWithoutVector */
  missing(version: VersionId, after: number, limit: number): readonly PassageText[] {
    if (this.#isTooLarge(version)) return [];
    const rows = this.#db
      .prepare<[string, number, string, number], MissingRow>(
        `SELECT p.id, p.content_id AS content, p.start_offset AS start, p.end_offset AS "end", p.section,
           (SELECT path FROM version_files f WHERE f.version_id = ? AND f.content_id = p.content_id
            ORDER BY ordinal LIMIT 1) AS path
         FROM passages p
         WHERE p.id > ? AND p.content_id IN (SELECT content_id FROM version_files WHERE version_id = ?)
           AND NOT EXISTS (SELECT 1 FROM passage_vectors v WHERE v.passage_id = p.id)
         ORDER BY p.id LIMIT ?`,
      )
      .all(version, after, version, limit);
    const texts = new Texts(this.#db);
    return rows.map(({ id, content, start, end, section, path }) => ({
      id,
      path: decodeText(path),
      section: decodeText(section),
      text: texts.slice(content, start, end),
    }));
  }

  /** @see Store.hasAllVectors */
  isComplete(version: VersionId): boolean {
    if (this.#isTooLarge(version)) return false;
    const missing = this.#db
      .prepare(
        `SELECT 1 FROM passages p
         WHERE p.content_id IN (SELECT content_id FROM version_files WHERE version_id = ?)
           AND NOT EXISTS (SELECT 1 FROM passage_vectors v WHERE v.passage_id = p.id) LIMIT 1`,
      )
      .get(version);
    return missing === undefined;
  }

  /** In one transaction; a passage that is gone in the meantime is left out. */
  put(vectors: readonly PassageVector[]): void {
    const insert = this.#db.prepare(
      'INSERT OR REPLACE INTO passage_vectors (passage_id, vector) SELECT id, ? FROM passages WHERE id = ?',
    );
    this.#db.transaction(() => {
      for (const { id, vector } of vectors) insert.run(vector, id);
    })();
  }

  /** @see Store.nearestPassages */
  nearest(
    version: VersionId,
    point: Float32Array,
    documents: readonly string[] | undefined,
    limit: number,
  ): readonly PassageHit[] {
    if (this.#isTooLarge(version)) return [];
    const { condition, bound } = scopeOf(version, documents);
    const rows = this.#db
      .prepare<string[], [id: number, vector: Buffer | null]>(
        `SELECT p.id, v.vector FROM passages p LEFT JOIN passage_vectors v ON v.passage_id = p.id
         WHERE ${condition}`,
      )
      .raw()
      .iterate(...bound);
    const best = new Best(limit);
    for (const [id, vector] of rows) {
      // half of them would draw the choice to what happens to be done
      if (vector === null) return [];
      best.offer(id, product(point, vector));
    }
    return this.#passages.hits(version, best.list());
  }

  #isTooLarge(version: VersionId): boolean {
    const found = this.#db
      .prepare<[string, number], number>(
        `SELECT count(*) FROM (SELECT 1 FROM passages p
           WHERE p.content_id IN (SELECT content_id FROM version_files WHERE version_id = ?) LIMIT ?)`,
      )
      .pluck()
      .get(version, MOST_PASSAGES + 1);
    return Number(found) > MOST_PASSAGES;
  }
}

/** Four sums, so that no addition waits for the one before it: half the time of a plain loop. */
function product(point: Float32Array, vector: Buffer): number {
  const values = new Int8Array(vector.buffer, vector.byteOffset + SCALE_BYTES, vector.length - SCALE_BYTES);
  const end = Math.min(point.length, values.length);
  let [a, b, c, d, i] = [0, 0, 0, 0, 0];
  for (; i + 4 <= end; i += 4) {
    a += (point[i] as number) * (values[i] as number);
    b += (point[i + 1] as number) * (values[i + 1] as number);
    c += (point[i + 2] as number) * (values[i + 2] as number);
    d += (point[i + 3] as number) * (values[i + 3] as number);
  }
  for (; i < end; i++) a += (point[i] as number) * (values[i] as number);
  return (a + b + c + d) * vector.readFloatLE(0);
}

/** The best few of many, kept in order. */
class Best {
  readonly #limit: number;
  readonly #found: (readonly [id: number, score: number])[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  offer(id: number, score: number): void {
    const last = this.#found.at(-1);
    if (this.#found.length >= this.#limit && last !== undefined && score <= last[1]) return;
    let at = this.#found.length;
    while (at > 0 && (this.#found[at - 1]?.[1] ?? 0) < score) at--;
    this.#found.splice(at, 0, [id, score]);
    if (this.#found.length > this.#limit) this.#found.pop();
  }

  list(): readonly (readonly [id: number, score: number])[] {
    return this.#found;
  }
}
