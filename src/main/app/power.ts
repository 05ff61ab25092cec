/** When the machine is on battery or about to sleep, nothing is read: whether that counts is the user's setting. */
import type { Handlers, Settings } from '../../shared/rpc/index.ts';
import type { ReadingGate } from './reading-gate.ts';

export class Power {
  readonly #gate: Pick<ReadingGate, 'hold' | 'release'>;
  readonly #settings: { readonly current: Pick<Settings, 'reading.onBattery'> };
  #onBattery = false;

  constructor(
    gate: Pick<ReadingGate, 'hold' | 'release'>,
    settings: { readonly current: Pick<Settings, 'reading.onBattery'> },
  ) {
    this.#gate = gate;
    this.#settings = settings;
  }

  set(state: { readonly onBattery: boolean; readonly asleep: boolean }): void {
    this.#onBattery = state.onBattery;
    if (state.asleep) this.#gate.hold('asleep');
    else this.#gate.release('asleep');
    this.apply();
  }

  /** once more, after the setting has changed */
  apply(): void {
    if (this.#onBattery && !this.#settings.current['reading.onBattery']) this.#gate.hold('battery');
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
