import type { Db } from './database.ts';
import { decodeText, encodeText } from './text.ts';
import type { StoredJob } from './types.ts';

interface JobRow {
  id: string;
  kind: StoredJob['kind'];
  library_id: StoredJob['libraryId'];
  state: StoredJob['state'];
  detail: string | Buffer;
}

/** What is under way, as durable rows: any kill resumes by itself. */
export class Jobs {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  /** inserts, or updates the job of the same id */
  put(job: StoredJob): void {
    this.#db
      .prepare(
        `INSERT INTO jobs (id, seq, kind, library_id, state, detail, updated_at)
         VALUES (?, (SELECT coalesce(max(seq), 0) + 1 FROM jobs), ?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, library_id = excluded.library_id,
           state = excluded.state, detail = excluded.detail, updated_at = excluded.updated_at`,
      )
      .run(job.id, job.kind, job.libraryId, job.state, encodeText(job.detail), new Date().toISOString());
  }

  /** in the order in which they were first put */
  list(): readonly StoredJob[] {
    return this.#db
      .prepare<[], JobRow>('SELECT * FROM jobs ORDER BY seq')
      .all()
      .map((row) => ({
        id: row.id,
        kind: row.kind,
        libraryId: row.library_id,
        state: row.state,
        detail: decodeText(row.detail),
      }));
  }
}
