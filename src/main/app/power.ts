/** When the machine is on battery or about to sleep, nothing is read: whether that counts is the user's setting. */
import type { Handlers, Settings } from '../../shared/rpc/index.ts';
import type { ReadingGate } from './reading-gate.ts';

export class Power {
  readonly #gate: Pick<ReadingGate, 'hold' | 'release'>;
  readonly #settings: { readonly current: Pick<Settings, 'reading.onBattery'> };
  #onBattery = false;
  /** the user has said that reading goes on, this once: until the machine is on mains power again */
  #anyway = false;

  constructor(
    gate: Pick<ReadingGate, 'hold' | 'release'>,
    settings: { readonly current: Pick<Settings, 'reading.onBattery'> },
  ) {
    this.#gate = gate;
    this.#settings = settings;
  }

  set(state: { readonly onBattery: boolean; readonly asleep: boolean }): void {
    this.#onBattery = state.onBattery;
    if (!state.onBattery) this.#anyway = false;
    if (state.asleep) this.#gate.hold('asleep');
    else this.#gate.release('asleep');
    this.apply();
  }

  /** Reading goes on although the machine runs on battery; the next time it does, reading waits again. */
  readAnyway(): void {
    this.#anyway = true;
    this.apply();
  }

  /** once more, after the setting has changed */
  apply(): void {
    const waits = this.#onBattery && !this.#anyway && !this.#settings.current['reading.onBattery'];
    if (waits) this.#gate.hold('battery');
    else this.#gate.release('battery');
  }
}

export function powerHandlers(power: Power): Pick<Handlers, 'app.power'> {
  return {
    'app.power': (state) => {
      power.set(state);
      return Promise.resolve({ noted: true });
    },
  };
}
