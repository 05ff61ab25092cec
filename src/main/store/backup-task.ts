/** The process that makes or checks a backup: seconds of work for a gigabyte, beside the store and killed with it. */
import { statSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { basename } from 'node:path';

import { toWire, type WireError } from '../../shared/errors.ts';
import { backupTime } from './backup-names.ts';
import { newestBackup, writeBackup } from './backup.ts';
import { connect } from './database.ts';
import { classifyError } from './errors.ts';
import { assertUsable, databasePaths } from './open.ts';
import { backupPath, writeRestoreRequest } from './restore.ts';
import type { BackupFile, BackupKind } from './types.ts';

export interface BackupTask {
  readonly dataFolder: string;
  readonly task:
    | { readonly kind: 'write'; readonly why: BackupKind }
    /** checks it, and asks for it to be put back when the database is opened next */
    | { readonly kind: 'restore'; readonly name: string };
}

export type BackupReply = { readonly backup: BackupFile } | { readonly error: WireError };

function run({ dataFolder, task }: BackupTask): BackupFile {
  const paths = databasePaths(dataFolder);
  try {
    const path = task.kind === 'write' ? write(paths, task.why) : backupPath(paths, task.name);
    if (task.kind === 'restore') {
      assertUsable(path);
      writeRestoreRequest(paths, task.name);
    }
    const name = basename(path);
    return { name, bytes: statSync(path).size, createdAt: backupTime(name)?.toISOString() ?? '' };
  } catch (error) {
    throw classifyError(error, paths.file, newestBackup(paths.backupFolder));
  }
}

/** From a connection that only reads: the store goes on writing meanwhile. */
function write({ file, backupFolder }: ReturnType<typeof databasePaths>, why: BackupKind): string {
  const db = connect(file, { readonly: true });
  try {
    return writeBackup(db, file, backupFolder, why);
  } finally {
    db.close();
  }
}

function lowerPriority(): void {
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // not allowed here: it runs all the same
  }
}

const [given] = process.argv.slice(2);
if (given === undefined) throw new Error('store/backup-task.ts is started by the store only');
lowerPriority();
let reply: BackupReply;
try {
  reply = { backup: run(JSON.parse(given) as BackupTask) };
} catch (error) {
  reply = { error: toWire(error) };
}
process.send?.(reply, () => process.disconnect?.());
