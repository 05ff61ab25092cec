/** What a data folder holds of its library, as one checksum: equal content gives equal sums, whatever came between. */
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';

export interface Fingerprint {
  /** checksum of each part */
  readonly sums: Readonly<Record<string, string>>;
  /** rows of each part */
  readonly rows: Readonly<Record<string, number>>;
  /** `PRAGMA integrity_check`, foreign keys and the full-text index's own check */
  readonly integrity: string;
}

/** By hashes, paths and positions, never by row ids, which depend on the order in which files were finished. */
const PARTS: Readonly<Record<string, string>> = {
  version: `SELECT f.ordinal, f.path, f.outcome, f.reason, f.bytes, f.mtime_ms, c.hash, f.tokens, f.read_as
    FROM version_files f JOIN libraries l ON l.version_id = f.version_id LEFT JOIN contents c ON c.id = f.content_id
    ORDER BY f.ordinal`,
  documents: `SELECT c.hash, d.kind, d.title, d.outcome, d.reason, d.extractor_version, d.sections, t.text
    FROM documents d JOIN contents c ON c.id = d.content_id JOIN document_texts t ON t.content_id = d.content_id
    ORDER BY c.hash`,
  tokens: `SELECT c.hash, t.tokenizer, t.count, t.ids FROM document_tokens t JOIN contents c ON c.id = t.content_id
    ORDER BY c.hash`,
  passages: `SELECT c.hash, p.ordinal, p.start_offset, p.end_offset, p.line_start, p.line_end, p.section, p.defines
    FROM passages p JOIN contents c ON c.id = p.content_id ORDER BY c.hash, p.ordinal`,
  definitions: `SELECT c.hash, p.ordinal, d.name FROM definitions d JOIN passages p ON p.id = d.passage_id
    JOIN contents c ON c.id = p.content_id ORDER BY c.hash, p.ordinal, d.name`,
  // every term with the number of passages and of times: the index is made of the same passages
  index: 'SELECT term, doc, cnt FROM passage_terms ORDER BY term',
  jobs: 'SELECT kind, state FROM jobs ORDER BY seq',
};

export function fingerprint(dataFolder: string): Fingerprint {
  const db = new Database(join(dataFolder, 'longleaf.db'));
  try {
    const sums: Record<string, string> = {};
    const rows: Record<string, number> = {};
    for (const [part, sql] of Object.entries(PARTS)) {
      const hash = createHash('sha256');
      rows[part] = 0;
      for (const row of db.prepare(sql).raw().iterate() as Iterable<readonly unknown[]>) {
        for (const value of row) hash.update(Buffer.isBuffer(value) ? value : String(value)).update('\0');
        hash.update('\n');
        rows[part] += 1;
      }
      sums[part] = hash.digest('hex').slice(0, 16);
    }
    return { sums, rows, integrity: integrityOf(db) };
  } finally {
    db.close();
  }
}

function integrityOf(db: Database.Database): string {
  const problems: string[] = [];
  const check = String(db.pragma('integrity_check', { simple: true }));
  if (check !== 'ok') problems.push(check);
  if ((db.pragma('foreign_key_check') as readonly unknown[]).length > 0) problems.push('foreign keys');
  try {
    db.exec(`INSERT INTO passage_index (passage_index) VALUES ('integrity-check')`);
  } catch (error) {
    problems.push(`full-text index: ${String(error)}`);
  }
  return problems.length === 0 ? 'ok' : problems.join('; ');
}

/** All files below, sorted; SQLite's own side files are counted with their database. */
export function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => !/\.db-(?:wal|shm)$/.test(name))
    .toSorted();
}
