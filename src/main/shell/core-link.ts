/** What the shell itself asks of the core: the settings that native parts follow, and to rest on battery or asleep. */
import { nativeTheme, powerMonitor } from 'electron';
import { createClient, type Client, type Settings } from '../../shared/rpc/index.ts';
import { connectionPort } from '../host/ports/child.ts';
import type { CoreProcess } from './core-process.ts';

export class CoreLink {
  #client: Client | null = null;
  #asleep = false;
  readonly #onSettings: (settings: Settings) => void;

  constructor(onSettings: (settings: Settings) => void) {
    this.#onSettings = onSettings;
    powerMonitor.on('suspend', () => this.#sleep(true));
    powerMonitor.on('resume', () => this.#sleep(false));
    powerMonitor.on('on-battery', () => this.#tellPower());
    powerMonitor.on('on-ac', () => this.#tellPower());
  }

  /** To be called for every core that starts. */
  follow(core: CoreProcess): void {
    const client = createClient(connectionPort(core.connect()));
    this.#client = client;
    this.#tellPower();
    const listen = async () => {
      this.#take(await client.call('settings.get', {}));
      for await (const event of client.stream('app.events', {})) {
        if (event.kind === 'settings') this.#take(event.settings);
      }
    };
    listen().catch(() => {}); // the core has ended: the next one is followed anew
  }

  #take(settings: Settings): void {
    nativeTheme.themeSource = settings['appearance.theme'];
    this.#onSettings(settings);
  }

  #sleep(asleep: boolean): void {
    this.#asleep = asleep;
    this.#tellPower();
  }

  #tellPower(): void {
    const power = { onBattery: powerMonitor.isOnBatteryPower(), asleep: this.#asleep };
    this.#client?.call('app.power', power).catch(() => {}); // a core that has just ended rests anyway
  }
}
