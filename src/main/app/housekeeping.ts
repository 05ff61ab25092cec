/** What the app does by itself, seldom and beside everything else: old trash goes, a backup is made. */
import type { DailyBackup } from './backups.ts';
import type { Trash } from './trash.ts';

/** Nothing heavy happens at the start, nor in a command of a few seconds. */
const FIRST_BACKUP_MS = 60_000;
const AGAIN_MS = 3_600_000;

/** Begins at once; returns how to stop. It keeps no process alive. */
export function startHousekeeping(trash: Trash, backup: DailyBackup): () => void {
  // What fails (a full disk, a store that is closing) is tried again in an hour.
  const purge = (): void => void trash.purgeExpired().catch(() => undefined);
  const backUp = (): void => void backup.makeIfDue().catch(() => undefined);
  purge();
  const first = setTimeout(backUp, FIRST_BACKUP_MS).unref();
  const again = setInterval(() => {
    purge();
    backUp();
  }, AGAIN_MS).unref();
  return () => {
    clearTimeout(first);
    clearInterval(again);
  };
}
