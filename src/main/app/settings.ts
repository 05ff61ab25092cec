/** The settings of this data folder, in memory and in the store. */
import type { Handlers, Settings, SettingKey, SettingsPatch } from '../../shared/rpc/index.ts';
import { defaultSettings, settingsFrom } from '../../shared/rpc/index.ts';
import type { Store } from '../store/index.ts';
import type { AppEvents } from './events.ts';

const MB = 2 ** 20;

export class AppSettings {
  readonly #store: Pick<Store, 'setSettings'>;
  #current: Settings;

  private constructor(store: Pick<Store, 'setSettings'>, current: Settings) {
    this.#store = store;
    this.#current = current;
  }

  static async load(store: Pick<Store, 'settings' | 'setSettings'>): Promise<AppSettings> {
    return new AppSettings(store, settingsFrom(await store.settings(Object.keys(defaultSettings))));
  }

  get current(): Settings {
    return this.#current;
  }

  /** of the engine's states; an engine that runs keeps those that it was started with */
  get stateLimits(): { readonly maxMemoryMB: number; readonly maxDiskGB: number } {
    return {
      maxMemoryMB: this.#current['state.maxMemoryMB'],
      maxDiskGB: this.#current['state.maxDiskGB'],
    };
  }

  /** a larger file is refused by a scan */
  get maxFileBytes(): number {
    return this.#current['ingest.maxFileMB'] * MB;
  }

  /** the model that answers where nothing else is chosen; undefined: the one that the app comes with */
  get model(): string | undefined {
    return this.#current['models.default'] || undefined;
  }

  /** what computes where nothing else is chosen */
  get backend(): Settings['models.backend'] {
    return this.#current['models.backend'];
  }

  /** What the patch names changes, and stays changed; the rest stays as it is. */
  async set(patch: SettingsPatch): Promise<Settings> {
    const given = Object.entries(patch).filter(([, value]) => value !== undefined);
    await this.#store.setSettings(new Map(given.map(([key, value]) => [key, JSON.stringify(value)])));
    // The patch was validated at the door: each value is one of its key.
    const changed = Object.fromEntries(given) as Partial<Record<SettingKey, unknown>>;
    this.#current = { ...this.#current, ...changed } as Settings;
    return this.#current;
  }
}

export function settingsHandlers(
  settings: AppSettings,
  events: AppEvents,
  onChange: () => void,
): Pick<Handlers, 'settings.get' | 'settings.set'> {
  return {
    'settings.get': () => Promise.resolve(settings.current),
    'settings.set': async ({ patch }) => {
      const current = await settings.set(patch);
      onChange();
      events.emit({ kind: 'settings', settings: current });
      return current;
    },
  };
}
