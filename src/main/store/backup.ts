/**
 * Backups by VACUUM INTO (never a copy of a live WAL database), verified before they count: a backup gets its
 * final name only after integrity_check has passed on it.
 */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  statfsSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

import { AppError } from '../../shared/errors.ts';
import type { Db } from './database.ts';

/** of each kind */
const keptBackups = 3;
const backupName = /^longleaf-\d{8}T\d{9}-([a-z0-9-]+)\.db$/;

/**
 * @param file the open database, for the check of free space
 * @param kind 'manual', 'before-v2', …: the newest three of each kind are kept
 * @returns absolute path of the finished backup
 * @throws AppError 'disk-full' before anything is written, 'corrupt' when the copy fails its check
 */
export function writeBackup(db: Db, file: string, folder: string, kind: string): string {
  mkdirSync(folder, { recursive: true });
  assertSpace(file, folder);
  const stamp = new Date().toISOString().replace(/[-:.Z]/g, '');
  const target = join(folder, `longleaf-${stamp}-${kind}.db`);
  const partial = `${target}.partial`;
  rmSync(partial, { force: true });
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
  prune(folder, kind);
  return target;
}

/** Every file under its final name has passed its check, hence: the newest is the newest good one. */
export function newestBackup(folder: string): string | null {
  const newest = backups(folder).at(-1);
  return newest === undefined ? null : join(folder, newest);
}

/** oldest first: the names sort by time */
function backups(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((file) => backupName.test(file))
      .sort();
  } catch {
    return []; // no folder yet
  }
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

/** Windows can't sync folders, and needs no such sync for a rename to last. */
function syncFile(path: string): void {
  let handle: number;
  try {
    handle = openSync(path, 'r+');
  } catch {
    if (process.platform === 'win32') return;
    handle = openSync(path, 'r');
  }
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function prune(folder: string, kind: string): void {
  const same = backups(folder).filter((file) => backupName.exec(file)?.[1] === kind);
  for (const file of same.slice(0, -keptBackups)) rmSync(join(folder, file), { force: true });
}
