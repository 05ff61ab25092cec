/**
 * A backup takes the database's place when that is opened next: while it is open it can't be replaced. Killed at any
 * point, one whole database is there, and the next start goes on: the current one stays until its own backup and the
 * copy of the other are complete, then one rename changes them over.
 */
import { copyFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { AppError } from '../../shared/errors.ts';
import { backupTime } from './backup-names.ts';
import { writeBackup } from './backup.ts';
import { connect } from './database.ts';
import { classifyError } from './errors.ts';
import { assertUsable, type DatabasePaths } from './open.ts';
import { syncFile } from './sync-file.ts';

/** what SQLite keeps beside a database that is in use */
const LOG = ['-wal', '-shm'];

/**
 * The absolute path of a backup.
 * @throws AppError 'not-found' for a name that is none, or of a backup that is not there (any more)
 */
export function backupPath({ backupFolder }: Pick<DatabasePaths, 'backupFolder'>, name: string): string {
  const path = join(backupFolder, name);
  if (backupTime(name) !== null && existsSync(path)) return path;
  throw new AppError('not-found', `There is no backup ${name}.`, 'Look at the list of backups again.');
}

/** Whoever calls has checked the backup. */
export function writeRestoreRequest({ restoreFile }: DatabasePaths, name: string): void {
  const part = `${restoreFile}.part`;
  writeFileSync(part, JSON.stringify({ name }), { mode: 0o600 });
  syncFile(part);
  renameSync(part, restoreFile);
  syncFile(dirname(restoreFile));
}

/**
 * Does what was asked for, if anything was; before the database is opened.
 * @returns what the user should know: what was put back, or why not. Nothing is changed then.
 */
export function restoreIfAsked(paths: DatabasePaths): string | null {
  const { restoreFile } = paths;
  if (!existsSync(restoreFile)) return null;
  let note: string;
  try {
    const path = backupPath(paths, requestedName(restoreFile));
    const saved = replaceDatabase(paths, path);
    note = `The backup of ${dateOf(path)} has been put back.${saved === null ? '' : ` ${saved}`}`;
  } catch (error) {
    const { message } = classifyError(error, paths.file, null);
    note = `The backup was not put back, and nothing was changed: ${message}`;
  }
  rmSync(restoreFile, { force: true });
  syncFile(dirname(restoreFile));
  return note;
}

function requestedName(restoreFile: string): string {
  const request: unknown = JSON.parse(readFileSync(restoreFile, 'utf8'));
  const isRequest = typeof request === 'object' && request !== null && 'name' in request;
  return isRequest ? String(request.name) : '';
}

/** Returns what became of the database that was there. */
function replaceDatabase({ file, backupFolder }: DatabasePaths, backup: string): string | null {
  assertUsable(backup);
  const copy = `${file}.restoring`;
  copyFileSync(backup, copy);
  syncFile(copy);
  const saved = existsSync(file) ? saveCurrent(file, backupFolder) : null;
  renameSync(copy, file);
  syncFile(dirname(file));
  return saved;
}

/** A backup of it; a database that is too damaged for one is set aside as it is, with its log. */
function saveCurrent(file: string, backupFolder: string): string {
  try {
    const saved = backUpWhole(file, backupFolder);
    // SQLite removes its empty log when it closes; one that stayed would be taken for the new file's
    for (const end of LOG) rmSync(file + end, { force: true });
    return `What was there before is the backup of ${dateOf(saved)}.`;
  } catch (error) {
    if (classifyError(error, file, null).code !== 'corrupt') throw error;
    const aside = join(backupFolder, `damaged-${String(Date.now())}.sqlite`);
    for (const end of [...LOG, '']) if (existsSync(file + end)) renameSync(file + end, aside + end);
    return `The damaged database that was there is kept as ${aside}.`;
  }
}

/** Afterwards all that was written stands in the file itself. */
function backUpWhole(file: string, backupFolder: string): string {
  const db = connect(file);
  try {
    const saved = writeBackup(db, file, backupFolder, 'before-restore');
    const [folded] = db.pragma('wal_checkpoint(TRUNCATE)') as readonly { busy: number }[];
    if (folded?.busy !== 1) return saved;
    throw new AppError('busy', 'Another process works with the database.', 'Close it, then start again.');
  } finally {
    db.close();
  }
}

function dateOf(backup: string): string {
  const time = backupTime(basename(backup));
  return time?.toISOString().slice(0, 16).replace('T', ' ') ?? '';
}
