/** The machine and the data folder: what is in it, what it takes, and the backups. Asked for when they are shown. */
import type { Backup, DataUsage, HardwareReport } from '../../shared/rpc/index.ts';
import { core } from './core.svelte.ts';
import { ui } from './ui.svelte.ts';

class Machine {
  hardware = $state.raw<HardwareReport | null>(null);
  usage = $state.raw<DataUsage | null>(null);
  backups = $state.raw<readonly Backup[]>([]);
  /** the backup that takes the database's place at the next start */
  restoring = $state.raw<string | null>(null);

  async loadHardware(): Promise<void> {
    await ui.attempt(async () => {
      this.hardware = await core.client.call('app.hardware', {});
    });
  }

  async loadData(): Promise<void> {
    await ui.attempt(async () => {
      [this.usage, this.backups] = await Promise.all([
        core.client.call('app.usage', {}),
        core.client.call('backups.list', {}),
      ]);
    });
  }

  async createBackup(): Promise<void> {
    await ui.attempt(() => core.client.call('backups.create', {}));
    await this.loadData();
  }

  async restore(name: string): Promise<void> {
    await ui.attempt(async () => {
      await core.client.call('backups.restore', { name });
      this.restoring = name;
    });
  }
}

export const machine = new Machine();
