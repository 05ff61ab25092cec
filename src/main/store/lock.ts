/**
 * The lock of a data folder: an exclusive SQLite lock on an empty database. The operating system releases it with
 * the process that holds it, however that ends, so there is never a stale lock to clean up.
 */
import { connect, type Db } from './database.ts';

export interface FolderLock {
  release(): void;
}

/**
 * Null when another process (or another lock in this one) holds it. Never waits, not even in the first statement,
 * which reads the (empty) schema and so needs the lock too.
 */
export function tryLock(file: string): FolderLock | null {
  let db: Db | undefined;
  try {
    // A rollback journal, as a new database has: in WAL mode an exclusive transaction would let others in.
    db = connect(file, { timeoutMs: 0 });
    db.exec('BEGIN EXCLUSIVE');
    const held = db;
    return { release: () => held.close() };
  } catch (error) {
    db?.close();
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('SQLITE_BUSY'))
      return null;
    throw error;
  }
}

/** Of the library that is loaded; nothing is opened on disk. */
export function sqliteVersion(): string {
  const db = connect(':memory:');
  try {
    return String(db.prepare('SELECT sqlite_version()').pluck().get());
  } finally {
    db.close();
  }
}
