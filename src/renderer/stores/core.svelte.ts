/**
 * The core as the page sees it: one client that outlives connections, the settings, and the events that say what
 * changed. Stores register for the kinds of events they care about.
 */
import type { AppError } from '../../shared/errors.ts';
import { fromWire, toWire } from '../../shared/errors.ts';
import { defaultSettings } from '../../shared/rpc/index.ts';
import type { AppEvent, Client, OwnerInfo, Settings, SettingsPatch } from '../../shared/rpc/index.ts';
import { connect, type Connection } from '../lib/rpc.ts';

type Status = 'connecting' | 'ready' | 'lost' | 'failed';

/** ms between attempts to reach the core again: it starts within a second or two */
const RETRY_AFTER_MS = [200, 500, 1_000, 2_000, 4_000];

class Core {
  status = $state<Status>('connecting');
  info = $state.raw<OwnerInfo | null>(null);
  settings = $state.raw<Settings>(defaultSettings);
  #connection: Connection | null = null;
  readonly #listeners = new Set<(event: AppEvent) => void>();
  readonly #onReady = new Set<() => void>();

  /** @throws AppError 'engine-lost' while there is no connection */
  get client(): Client {
    if (this.#connection !== null) return this.#connection.client;
    throw fromWire({ code: 'engine-lost', message: 'Longleaf is not connected.', hint: 'Wait a moment.' });
  }

  /** Called for every event, from any connection. Returns how to stop. */
  listen(listener: (event: AppEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Called now, if there is a connection, and again after every reconnection: the place to load what is shown. */
  whenReady(load: () => void): void {
    this.#onReady.add(load);
    if (this.status === 'ready') load();
  }

  /** Connects, and again whenever the connection is lost. Never ends. */
  async run(): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        this.#connection = await connect();
        await this.#load(this.#connection.client);
        attempt = 0;
        this.status = 'ready';
        for (const load of this.#onReady) load();
        void this.#follow(this.#connection.client);
        await this.#connection.closed;
      } catch {
        // said by `status`; the next attempt follows
      }
      this.#connection = null;
      this.status = attempt < RETRY_AFTER_MS.length ? 'lost' : 'failed';
      await new Promise((resolve) => setTimeout(resolve, RETRY_AFTER_MS[attempt] ?? RETRY_AFTER_MS.at(-1)));
    }
  }

  /** @throws AppError as the core says */
  async change(patch: SettingsPatch): Promise<void> {
    this.settings = await this.client.call('settings.set', { patch });
  }

  async #load(client: Client): Promise<void> {
    [this.info, this.settings] = await Promise.all([
      client.call('app.info', {}),
      client.call('settings.get', {}),
    ]);
  }

  async #follow(client: Client): Promise<void> {
    try {
      for await (const event of client.stream('app.events', {})) {
        if (event.kind === 'settings') this.settings = event.settings;
        for (const listener of this.#listeners) listener(event);
      }
    } catch {
      // the connection has ended: `run` goes on from there
    }
  }
}

export const core = new Core();

/** Any thrown value as an AppError. */
export function asAppError(error: unknown): AppError {
  return fromWire(toWire(error));
}
