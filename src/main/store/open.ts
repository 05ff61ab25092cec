/**
 * Opens longleaf.db: checks that it is ours and of a version that we know, sets what durability needs, brings the
 * schema up to date.
 */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { AppError } from '../../shared/errors.ts';
import { newestBackup, writeBackup } from './backup.ts';
import { configure, connect, type Db } from './database.ts';
import { classifyError, corruptError } from './errors.ts';
import { migrations as allMigrations, type Migration } from './migrations/index.ts';

/** 'LNGL' */
const applicationId = 0x4c_4e_47_4c;
/** above this size only the tables that can't be rebuilt are checked after a crash: a start must stay quick */
const fullCheckBytes = 256 * 2 ** 20;
const userTables = ['conversations', 'messages', 'settings', 'libraries'];

export interface OpenOptions {
  /** absolute path of longleaf.db; its folder is created */
  readonly file: string;
  readonly backupFolder: string;
  /** other than the real ones in tests only */
  readonly migrations?: readonly Migration[];
}

/** @throws AppError 'corrupt', 'unsupported' (newer or foreign file), 'busy', 'disk-full' */
export function openDatabase(options: OpenOptions): Db {
  const { file, backupFolder } = options;
  let db: Db | undefined;
  try {
    mkdirSync(dirname(file), { recursive: true });
    const existed = existsSync(file) && statSync(file).size > 0;
    db = connect(file);
    const steps = options.migrations ?? allMigrations;
    if (existed) assertOurs(db, file);
    assertNotNewer(db, steps, file);
    configure(db);
    if (existed) checkAfterCrash(db, file, backupFolder);
    migrate(db, steps, file, backupFolder);
    db.prepare(`INSERT OR REPLACE INTO marks VALUES ('clean_shutdown', 0)`).run();
    return db;
  } catch (error) {
    db?.close();
    throw classifyError(error, file, newestBackup(backupFolder));
  }
}

/** Marks the shutdown as clean, folds the WAL in and closes. */
export function closeDatabase(db: Db): void {
  try {
    db.prepare(`INSERT OR REPLACE INTO marks VALUES ('clean_shutdown', 1)`).run();
    db.pragma('wal_checkpoint(TRUNCATE)');
  } finally {
    db.close();
  }
}

function assertOurs(db: Db, file: string): void {
  const id = Number(db.pragma('application_id', { simple: true }));
  const tables = Number(db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get());
  if (id === applicationId || (id === 0 && tables === 0)) return;
  throw new AppError(
    'unsupported',
    `${file} is a database of another program; it is left untouched.`,
    'Move that file away, or choose another data folder with --data.',
  );
}

function assertNotNewer(db: Db, steps: readonly Migration[], file: string): void {
  const current = Number(db.pragma('user_version', { simple: true }));
  const newest = steps.at(-1)?.version ?? 0;
  if (current > newest)
    throw new AppError(
      'unsupported',
      `${file} was written by a newer Longleaf (schema ${String(current)}, this one knows ${String(newest)}).`,
      'Install the newer version again; the file is left untouched.',
    );
}

/**
 * Checks all of a backup; seconds for a gigabyte.
 * @throws AppError 'corrupt', 'unsupported' (newer, or of another program)
 */
export function assertUsable(file: string): void {
  const db = connect(file, { readonly: true });
  try {
    assertOurs(db, file);
    assertNotNewer(db, allMigrations, file);
    const finding = String(db.pragma('integrity_check(1)', { simple: true }));
    if (finding !== 'ok') throw new AppError('corrupt', `The backup ${file} is damaged (${finding}).`);
  } catch (error) {
    throw classifyError(error, file, null);
  } finally {
    db.close();
  }
}

function checkAfterCrash(db: Db, file: string, backupFolder: string): void {
  const marks = db.prepare(`SELECT count(*) FROM sqlite_schema WHERE name = 'marks'`).pluck().get();
  if (marks === 0) return;
  if (db.prepare(`SELECT value FROM marks WHERE key = 'clean_shutdown'`).pluck().get() === 1) return;
  const scopes = statSync(file).size <= fullCheckBytes ? [''] : userTables.map((table) => `(${table})`);
  for (const scope of scopes) {
    const finding = String(db.pragma(`quick_check${scope}`, { simple: true }));
    if (finding !== 'ok') throw corruptError(file, newestBackup(backupFolder), finding);
  }
}

function migrate(db: Db, steps: readonly Migration[], file: string, backupFolder: string): void {
  const current = Number(db.pragma('user_version', { simple: true }));
  const newest = steps.at(-1)?.version ?? 0;
  if (current > 0 && current < newest) writeBackup(db, file, backupFolder, `before-v${newest}`);
  for (const step of steps) if (step.version > current) applyStep(db, step);
}

/** One step and its user_version in one transaction: a kill leaves the schema before or after, never between. */
function applyStep(db: Db, step: Migration): void {
  db.transaction(() => {
    step.up(db);
    if (step.version === 1) db.pragma(`application_id = ${String(applicationId)}`);
    db.pragma(`user_version = ${String(step.version)}`);
    const broken = db.pragma('foreign_key_check');
    if (Array.isArray(broken) && broken.length > 0)
      throw new AppError('internal', `Migration ${step.name} leaves broken references; it was undone.`);
  }).immediate();
}

export interface DatabasePaths {
  readonly file: string;
  readonly backupFolder: string;
  readonly reserveFile: string;
  /** says which backup is to take the database's place when it is opened next */
  readonly restoreFile: string;
}

/** longleaf.db and backups/ within the data folder (design section 5) */
export function databasePaths(dataFolder: string): DatabasePaths {
  return {
    file: join(dataFolder, 'longleaf.db'),
    backupFolder: join(dataFolder, 'backups'),
    reserveFile: join(dataFolder, 'longleaf.reserve'),
    restoreFile: join(dataFolder, 'restore.json'),
  };
}
