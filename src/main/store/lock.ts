/**
 * The lock of a data folder: an exclusive SQLite lock on an empty database. The operating system releases it with
 * the process that holds it, however that ends, so there is never a stale lock to clean up.
 */
import { connect } from './database.ts';

export interface FolderLock {
  release(): void;
}

/** Null when another process (or another lock in this one) holds it. Never waits. */
export function tryLock(file: string): FolderLock | null {
  const db = connect(file);
  try {
    // A rollback journal: in WAL mode an exclusive transaction would let others in.
    db.pragma('busy_timeout = 0');
    db.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    db.close();
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('SQLITE_BUSY'))
      return null;
    throw error;
  }
  return { release: () => db.close() };
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
