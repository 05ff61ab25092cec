/** Backups of the database: on request, daily, and put back at the next start. */
import { AppError } from '../../shared/errors.ts';
import type { Handlers } from '../../shared/rpc/index.ts';
import type { BackupFile, Store } from '../store/index.ts';

export interface DailyBackupConfig {
  readonly store: Pick<Store, 'backup' | 'backups'>;
  /** `backups.daily` */
  readonly isWanted: () => boolean;
  readonly onNote: (note: string) => void;
}

/** One backup a day, while the app runs. */
export class DailyBackup {
  readonly #config: DailyBackupConfig;
  /** the last day on which it was tried: a full disk is said once a day, not every hour */
  #tried = '';

  constructor(config: DailyBackupConfig) {
    this.#config = config;
  }

  /** Makes one when today has none yet. @param now ms since the epoch */
  async makeIfDue(now: number = Date.now()): Promise<BackupFile | null> {
    const { store, isWanted, onNote } = this.#config;
    const today = new Date(now).toISOString().slice(0, 10);
    if (!isWanted() || this.#tried === today) return null;
    const newest = (await store.backups())[0];
    if (newest !== undefined && newest.createdAt.slice(0, 10) >= today) return null;
    this.#tried = today;
    try {
      return await store.backup('daily');
    } catch (error) {
      // The program is being closed: the next start makes it.
      if (error instanceof AppError && error.code === 'interrupted') return null;
      onNote(`Today's backup could not be made: ${error instanceof Error ? error.message : String(error)}`);
      return null;
    }
  }
}

export function backupHandlers(
  store: Pick<Store, 'backup' | 'backups' | 'restoreAtNextOpen'>,
): Pick<Handlers, 'backups.list' | 'backups.create' | 'backups.restore'> {
  return {
    'backups.list': () => store.backups(),
    'backups.create': () => store.backup('manual'),
    'backups.restore': async ({ name }) => {
      await store.restoreAtNextOpen(name);
      return { atNextStart: true };
    },
  };
}
