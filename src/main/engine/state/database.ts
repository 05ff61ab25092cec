/**
 * state.db: opening, pragmas, migrations. The file is large and rebuildable: a damaged one is set aside, and only
 * time is lost.
 */
import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { AppError } from '../../../shared/errors.ts';

export type StateDatabase = Database.Database;

/** 'LLST' */
const APPLICATION_ID = 0x4c4c5354;

/** Larger than SQLite's default: a page of a state is 4 MB, and long chains of overflow pages cost time. */
const SQLITE_PAGE_BYTES = 65_536;

/** How long an operation waits for another process's transaction. */
const BUSY_MS = 5000;

/** The WAL is folded back every 16 MB, and cut back to 64 MB at most. */
const WAL_CHECKPOINT_PAGES = 256;
const WAL_LIMIT_BYTES = 64 * 1024 * 1024;

/** Migration i brings user_version from i to i + 1. */
const MIGRATIONS = [
  `CREATE TABLE states (
     id          INTEGER PRIMARY KEY AUTOINCREMENT,
     label       TEXT NOT NULL,
     identity    TEXT NOT NULL,     -- model, plan, variant and numerics version as one hash
     position    INTEGER NOT NULL,
     prefix_hash TEXT NOT NULL,
     created_at  TEXT NOT NULL,
     header      BLOB               -- null while the pages are being written
   ) STRICT;
   CREATE INDEX states_by_identity ON states (identity, position);
   CREATE UNIQUE INDEX complete_states ON states (label, identity, prefix_hash) WHERE header IS NOT NULL;
   CREATE TABLE pages (
     id     INTEGER PRIMARY KEY,
     hash   BLOB NOT NULL,
     length INTEGER NOT NULL,
     bytes  BLOB NOT NULL
   ) STRICT;
   CREATE UNIQUE INDEX pages_by_hash ON pages (hash, length);
   CREATE TABLE state_pages (
     state_id INTEGER NOT NULL REFERENCES states (id) ON DELETE CASCADE,
     page_id  INTEGER NOT NULL REFERENCES pages (id),
     PRIMARY KEY (state_id, page_id)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX states_of_page ON state_pages (page_id);`,
  // Engines of several models share the file: what an interrupted writer left is told from what is being written.
  'ALTER TABLE states ADD COLUMN writer INTEGER; -- process id',
  // A version that comes back (its files were restored) is saved again without being written again.
  `ALTER TABLE states ADD COLUMN saved INTEGER; -- grows with each saving
   UPDATE states SET saved = id;`,
];

/**
 * Opens or creates the file at `path`. Several engine processes may have it open: SQLite lets them write in turn.
 * @param onNote told when a damaged file was set aside
 * @throws AppError 'invalid-input' for a database of another program, 'unsupported' for one of a newer version,
 *   'not-found' when the folder can't be written to, 'busy' when another process holds it locked, 'disk-full'
 */
export function openStateDatabase(path: string, onNote: (note: string) => void): StateDatabase {
  try {
    return openChecked(path);
  } catch (error) {
    if (!isCorruption(error)) throw asAppError(error, path);
    onNote(`The stored states were damaged and set aside as ${setAside(path)}; libraries are read again.`);
    return openChecked(path);
  }
}

/** Renames a damaged database with its WAL; of several only the newest is kept. @returns the new name */
export function setAside(path: string): string {
  const folder = dirname(path);
  const prefix = `${basename(path)}.corrupt-`;
  for (const name of readdirSync(folder)) if (name.startsWith(prefix)) rmSync(join(folder, name));
  const name = `${prefix}${new Date().toISOString().replaceAll(':', '-')}`;
  for (const suffix of ['', '-wal']) {
    if (existsSync(path + suffix)) renameSync(path + suffix, join(folder, name + suffix));
  }
  rmSync(`${path}-shm`, { force: true });
  return name;
}

/** Is this SQLite's word for a damaged file? */
export function isCorruption(error: unknown): boolean {
  const code = sqliteCode(error);
  return code?.startsWith('SQLITE_CORRUPT') === true || code === 'SQLITE_NOTADB';
}

/** SQLite's errors in our words; other values as they are. */
export function asAppError(error: unknown, path: string): unknown {
  const code = sqliteCode(error);
  if (code === undefined) return error;
  if (code === 'SQLITE_FULL')
    return new AppError('disk-full', `The disk is full: ${path} can't grow.`, 'Free some space.', {
      cause: error,
    });
  if (code === 'SQLITE_CANTOPEN' || code.startsWith('SQLITE_READONLY'))
    return new AppError(
      'not-found',
      `${path} can't be opened for writing.`,
      'Check the rights of its folder.',
      {
        cause: error,
      },
    );
  if (code.startsWith('SQLITE_BUSY'))
    return new AppError(
      'busy',
      `Another process has kept ${path} locked for ${BUSY_MS / 1000} seconds.`,
      'Close what has it open, or use another data folder (--data).',
      { cause: error },
    );
  // A missing parent row: the file was set aside, or the state dropped, while it was being written.
  if (isCorruption(error) || code === 'SQLITE_CONSTRAINT_FOREIGNKEY')
    return new AppError('corrupt', `${path} was damaged.`, 'Save the state again.', { cause: error });
  return new AppError('internal', `${path}: ${code}: ${String(error)}`, undefined, { cause: error });
}

function openChecked(path: string): StateDatabase {
  const database = new Database(path, { timeout: BUSY_MS });
  try {
    refuseForeign(database, path);
    database.pragma(`page_size = ${SQLITE_PAGE_BYTES}`);
    database.pragma('auto_vacuum = INCREMENTAL');
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    database.pragma('foreign_keys = ON');
    database.pragma('trusted_schema = OFF');
    database.pragma('cell_size_check = ON');
    database.pragma('checkpoint_fullfsync = ON');
    database.pragma(`wal_autocheckpoint = ${WAL_CHECKPOINT_PAGES}`);
    database.pragma(`journal_size_limit = ${WAL_LIMIT_BYTES}`);
    migrate(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function refuseForeign(database: StateDatabase, path: string): void {
  const application = readNumber(database, 'application_id');
  const version = readNumber(database, 'user_version');
  const isNew = application === 0 && version === 0 && readNumber(database, 'page_count') === 0;
  if (application !== APPLICATION_ID && !isNew)
    throw new AppError(
      'invalid-input',
      `${path} is not a state database of Longleaf.`,
      'Move it away, or choose another data folder (--data).',
    );
  if (version > MIGRATIONS.length)
    throw new AppError(
      'unsupported',
      `${path} was written by a newer Longleaf (version ${version}; this one knows ${MIGRATIONS.length}).`,
      'Use the newer Longleaf, or move the file away: libraries are then read again.',
    );
}

function migrate(database: StateDatabase): void {
  const step = database.transaction(() => {
    // Read inside the transaction: two engines may start on a new file at the same time.
    const version = readNumber(database, 'user_version');
    if (version >= MIGRATIONS.length) return false;
    database.exec(MIGRATIONS[version]);
    database.pragma(`application_id = ${APPLICATION_ID}`);
    database.pragma(`user_version = ${version + 1}`);
    return true;
  });
  while (readNumber(database, 'user_version') < MIGRATIONS.length && step.immediate());
}

function readNumber(database: StateDatabase, pragma: string): number {
  return Number(database.pragma(pragma, { simple: true }));
}

function sqliteCode(error: unknown): string | undefined {
  return error instanceof Database.SqliteError ? error.code : undefined;
}
