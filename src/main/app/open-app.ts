/** Puts the real parts together for one data folder: the owner's process has exactly one of these. */
import { defaultSettings } from '../../shared/rpc/index.ts';
import { startEngine } from '../engine/index.ts';
import { createIngest, extractorVersion } from '../ingest/index.ts';
import type { Store } from '../store/index.ts';
import { openStore } from '../store/index.ts';
import type { App } from './create-app.ts';
import { createApp } from './create-app.ts';
import { EarlyEngine } from './early-engine.ts';
import type { EngineChoice } from './engines.ts';
import { withinMemory } from './model-fit.ts';
import { AppSettings } from './settings.ts';

export interface OpenAppOptions {
  /** absolute; created when it is not there */
  readonly dataFolder: string;
  /** used where a call chooses nothing */
  readonly defaults?: EngineChoice;
  readonly onNote?: (note: string) => void;
  /** the engine that will be needed first, if it is known: it starts while the store is being opened */
  readonly firstEngine?: EngineChoice;
}

/** What the settings say until the user says otherwise. */
export const STATE_LIMITS = {
  maxMemoryMB: defaultSettings['state.maxMemoryMB'],
  maxDiskGB: defaultSettings['state.maxDiskGB'],
};

/** @throws AppError 'corrupt', 'unsupported', 'busy', 'disk-full' from the store */
export async function openApp(options: OpenAppOptions): Promise<App> {
  const { dataFolder, defaults = {}, onNote, firstEngine } = options;
  const start = withinMemory(startEngine);
  const early =
    firstEngine &&
    new EarlyEngine(
      { dataFolder, startEngine: start, limits: () => STATE_LIMITS, onNote },
      { ...defaults, ...firstEngine },
    );
  let store: Store | undefined;
  try {
    const notes: string[] = [];
    store = await openStore({ dataFolder, onNote: (note) => notes.push(note) });
    for (const note of notes) onNote?.(note);
    // Answers that a kill left 'running' say so from now on.
    await store.reapInterrupted();
    const settings = await AppSettings.load(store);
    // It was started before the settings were known: one that they would have otherwise makes room.
    if (!isAsSet(settings, firstEngine)) void early?.close();
    const app = createApp({
      dataFolder,
      store,
      settings,
      ingest: createIngest(),
      extractorVersion,
      startEngine: early?.start ?? start,
      defaults,
      notes,
      onNote,
    });
    return early
      ? { ...app, close: async () => void (await Promise.all([early.close(), app.close()])) }
      : app;
  } catch (error) {
    await Promise.all([early?.close(), store?.close()]);
    throw error;
  }
}

/** Whether an engine that was started with the defaults is the one that the settings ask for. */
function isAsSet(settings: AppSettings, choice: EngineChoice | undefined): boolean {
  const { maxMemoryMB, maxDiskGB } = settings.stateLimits;
  const limitsAreDefault = maxMemoryMB === STATE_LIMITS.maxMemoryMB && maxDiskGB === STATE_LIMITS.maxDiskGB;
  return limitsAreDefault && (settings.model === undefined || choice?.model !== undefined);
}
