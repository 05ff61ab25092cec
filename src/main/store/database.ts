/** The store's one door to better-sqlite3: a connection with everything set that durability needs. */
import SqliteDatabase from 'better-sqlite3';

import { AppError } from '../../shared/errors.ts';

export type Db = SqliteDatabase.Database;
export type Statement = SqliteDatabase.Statement<unknown[]>;

/**
 * All of the work or nothing of it: in a transaction of its own, or as a part of the one that is open, whose failure
 * undoes both. No savepoint: at each of them FTS5 writes what it has gathered, and a library would be indexed in
 * thousands of tiny pieces that have to be merged.
 */
export function atomically<T>(db: Db, work: () => T): T {
  return db.inTransaction ? work() : db.transaction(work)();
}

const statements = new WeakMap<Db, Map<string, Statement>>();

/** The statement of a text, compiled once a connection: what a library needs hundreds of thousands of times. */
export function prepared(db: Db, sql: string): Statement {
  const known = statements.get(db) ?? new Map<string, Statement>();
  statements.set(db, known);
  const statement = known.get(sql) ?? db.prepare(sql);
  known.set(sql, statement);
  return statement;
}

/** 3.7.0 to 3.51.2 can lose committed writes of a WAL database under two processes (fixed March 2026) */
const oldestSafeSqlite = [3, 51, 3] as const;

/**
 * Opens without touching the file: nothing is written before `configure`.
 * @param options.readonly the file is there, and stays as it is
 * @param options.timeoutMs how long a statement waits for another process's lock, also the first one, which looks at the
 *   file's schema
 */
export function connect(file: string, options: { timeoutMs?: number; readonly?: boolean } = {}): Db {
  const { timeoutMs = 5000, readonly = false } = options;
  const db = new SqliteDatabase(file, { timeout: timeoutMs, readonly });
  try {
    assertSqliteVersion(db);
  } catch (error) {
    db.close();
    throw error;
  }
  return db;
}

function assertSqliteVersion(db: Db): void {
  const text = String(db.prepare('SELECT sqlite_version()').pluck().get());
  const parts = text.split('.').map(Number);
  for (const [index, needed] of oldestSafeSqlite.entries()) {
    const part = parts[index] ?? 0;
    if (part > needed) return;
    if (part < needed)
      throw new AppError(
        'unsupported',
        `SQLite ${text} is too old: versions before ${oldestSafeSqlite.join('.')} can lose saved data.`,
        'Reinstall the dependencies (npm ci): better-sqlite3 brings a current SQLite.',
      );
  }
}

/** WAL with synchronous=FULL: what a returned call has written survives a power loss. */
export function configure(db: Db): void {
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.pragma('foreign_keys = ON');
  db.pragma('busy_timeout = 5000');
  db.pragma('trusted_schema = OFF');
  db.pragma('cell_size_check = ON');
  db.pragma('journal_size_limit = 67108864');
  // bytes (negative: KiB); with SQLite's 2 MB a large index reads its own pages again and again while it grows
  db.pragma('cache_size = -65536');
  // pages between two checkpoints, 32 MB: each writes the pages that have changed once, and syncs
  db.pragma('wal_autocheckpoint = 8192');
  if (process.platform === 'darwin') db.pragma('checkpoint_fullfsync = ON');
}
