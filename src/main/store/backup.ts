/**
 * Backups by VACUUM INTO (never a copy of a live WAL database), verified before they count: a backup gets its
 * final name only after integrity_check has passed on it.
 */
import { mkdirSync, readdirSync, renameSync, rmSync, statSync, statfsSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { AppError } from '../../shared/errors.ts';
import { backupTime, keptBackups, nameOfBackup } from './backup-names.ts';
import type { Db } from './database.ts';
import { syncFile } from './sync-file.ts';
import type { BackupFile, BackupKind } from './types.ts';

/** of a backup that is not finished */
const PARTIAL = '.partial';

/**
 * @param file the open database, for the check of free space
 * @returns absolute path of the finished backup
 * @throws AppError 'disk-full' before anything is written, 'corrupt' when the copy fails its check
 */
export function writeBackup(db: Db, file: string, folder: string, kind: BackupKind): string {
  mkdirSync(folder, { recursive: true });
  assertSpace(file, folder);
  const target = join(folder, nameOfBackup(new Date(), kind));
  const partial = `${target}${PARTIAL}`;
  removePartial(folder);
  try {
    db.prepare('VACUUM INTO ?').run(partial);
    verify(db, partial);
    syncFile(partial);
    renameSync(partial, target);
    syncFile(folder);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
  thin(folder);
  return target;
}

/** Every file under its final name has passed its check, hence: the newest is the newest good one. */
export function newestBackup(folder: string): string | null {
  const newest = backupNames(folder).at(-1);
  return newest === undefined ? null : join(folder, newest);
}

/** the newest first */
export function listBackups(folder: string): readonly BackupFile[] {
  return backupNames(folder)
    .reverse()
    .map((name) => ({
      name,
      bytes: statSync(join(folder, name)).size,
      createdAt: backupTime(name)?.toISOString() ?? '',
    }));
}

/** oldest first: the names sort by time */
function backupNames(folder: string): string[] {
  return filesIn(folder)
    .filter((file) => backupTime(file) !== null)
    .sort();
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // no folder yet
  }
}

/** What a kill left of an unfinished backup. */
function removePartial(folder: string): void {
  for (const file of filesIn(folder)) if (file.endsWith(PARTIAL)) rmSync(join(folder, file), { force: true });
}

function assertSpace(file: string, folder: string): void {
  const needed = statSync(file).size;
  const disk = statfsSync(folder);
  const free = disk.bavail * disk.bsize;
  if (free >= needed) return;
  throw new AppError(
    'disk-full',
    `A backup of the database needs up to ${String(needed)} bytes, the disk has ${String(free)} left.`,
    `Free some space on the disk that holds ${dirname(folder)} and try again.`,
  );
}

function verify(db: Db, copy: string): void {
  db.prepare('ATTACH ? AS backup').run(copy);
  try {
    const finding = String(db.pragma('backup.integrity_check(1)', { simple: true }));
    if (finding !== 'ok') throw new AppError('corrupt', `The backup failed its check: ${finding}.`);
  } finally {
    db.exec('DETACH backup');
  }
}

function thin(folder: string): void {
  const names = backupNames(folder);
  const kept = keptBackups(names, new Date());
  for (const name of names) if (!kept.has(name)) rmSync(join(folder, name), { force: true });
}
