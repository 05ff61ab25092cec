/** The handlers of the RPC contract over plain parts: store, ingest, engine starter, settings. */
import type { AppEvent, Handlers } from '../../shared/rpc/index.ts';
import type { Ingest } from '../ingest/index.ts';
import type { Store } from '../store/index.ts';
import { backupHandlers, DailyBackup } from './backups.ts';
import { Chat, chatHandlers } from './chat.ts';
import { ContextMaps } from './context-map.ts';
import { conversationFileHandlers } from './conversation-files.ts';
import { Conversations, conversationHandlers } from './conversations.ts';
import { dataUsage } from './data-usage.ts';
import type { EngineChoice, StartEngine } from './engines.ts';
import { Engines } from './engines.ts';
import { AppEvents } from './events.ts';
import { folderHandlers } from './folders.ts';
import { hardwareReport } from './hardware.ts';
import { startHousekeeping } from './housekeeping.ts';
import { Jobs } from './jobs.ts';
import { libraryHandlers } from './library-handlers.ts';
import { LibraryWatch } from './library-watch.ts';
import { ATTACHED, Libraries } from './library.ts';
import { modelHandlers } from './model-handlers.ts';
import type { Nearest } from './passages.ts';
import { Power, powerHandlers } from './power.ts';
import { ReadingGate } from './reading-gate.ts';
import { sampleHandlers } from './sample.ts';
import { SentenceSearch } from './sentence-search.ts';
import type { AppSettings } from './settings.ts';
import { settingsHandlers } from './settings.ts';
import { Trash, trashHandlers } from './trash.ts';

export interface AppConfig {
  readonly dataFolder: string;
  readonly store: Store;
  readonly settings: AppSettings;
  readonly ingest: Ingest;
  /** of extraction and passages together: a stored document of another version is extracted anew */
  readonly extractorVersion: number;
  readonly startEngine: StartEngine;
  /** used where a call chooses nothing; beyond them the settings say */
  readonly defaults: EngineChoice;
  /** what happened when the store was opened: kept for the first who listens */
  readonly notes?: readonly string[];
  /** told what a user may want to know beside results: a state that was dropped, a note of the engine */
  readonly onNote?: ((note: string) => void) | undefined;
}

/** What `createApp` gives; 'app.info' is the host's own. */
export interface App {
  readonly handlers: Omit<Handlers, 'app.info'>;
  /** libraries on which work was cut off by a kill or a restart */
  unfinished(): Promise<readonly { readonly name: string; readonly kind: 'add' | 'update' | 'read' }[]>;
  /** takes such work up again as jobs; returns when they have begun */
  resume(): Promise<void>;
  /** Instead of that, after several starts that ended badly: it waits, paused, for the user. */
  pauseUnfinished(): Promise<void>;
  /** Resolves when all passages that can be found by their meaning can be: for measurements, nobody else has to wait. */
  prepared(): Promise<void>;
  close(): Promise<void>;
}

export function createApp(config: AppConfig): App {
  const { dataFolder, store, settings, ingest, extractorVersion } = config;
  const events = new AppEvents();
  for (const text of config.notes ?? []) events.emit({ kind: 'note', text });
  const onNote = (text: string): void => {
    config.onNote?.(text);
    events.emit({ kind: 'note', text });
  };
  const engines = new Engines({
    ...config,
    onNote,
    hashes: store,
    limits: () => settings.stateLimits,
    preferredModel: () => settings.model,
    preferredBackend: () => settings.backend,
  });
  const gate = new ReadingGate();
  const power = new Power(gate, settings);
  const build = {
    store,
    ingest,
    extractorVersion,
    // a getter: what the user sets counts from the next scan on
    get maxFileBytes() {
      return settings.maxFileBytes;
    },
  };
  const sentences = new SentenceSearch({
    dataFolder,
    store,
    gate,
    isBusy: () => libraries.isWorking() || chat.answering().conversations.length > 0,
    onNote,
  });
  const libraries = new Libraries({
    gate,
    onChange: (name) => {
      sentences.wake();
      if (!name.startsWith(ATTACHED)) events.emit({ kind: 'libraries', name });
    },
    build,
    store,
    engines,
  });
  const jobs = new Jobs({
    store,
    libraries,
    emit: events.emit,
    readAnyway: () => power.readAnyway(),
  });
  const maps = new ContextMaps(store, engines);
  const conversations = new Conversations(store, events);
  const nearest: Nearest = (...question) => sentences.nearest(...question);
  const chat = new Chat({ store, engines, libraries, settings, events, nearest });
  const trash = new Trash({ store, events, libraries, isAnswering: (id) => chat.isAnswering(id) });
  const daily = new DailyBackup({ store, onNote, isWanted: () => settings.current['backups.daily'] });
  const watch = new LibraryWatch({
    store,
    build,
    emit: events.emit,
    isUnwanted: () => !events.isHeard || jobs.isBusy || chat.answering().conversations.length > 0,
  });
  const stopHousekeeping = startHousekeeping(trash, daily);
  sentences.wake();

  /** how things stand, for a new listener */
  const now = async (): Promise<readonly AppEvent[]> => {
    const known = await jobs.list();
    return [
      { kind: 'settings', settings: settings.current },
      chat.answering(),
      ...known.map((job): AppEvent => ({ kind: 'job', job })),
      ...watch.told(),
    ];
  };

  return {
    handlers: {
      'app.events': (_, { signal }) => events.listen(now, signal),
      'app.hardware': () => hardwareReport(),
      'app.usage': () => dataUsage(dataFolder),
      ...settingsHandlers(settings, events, () => power.apply()),
      ...powerHandlers(power),
      ...sampleHandlers,
      ...backupHandlers(store),
      ...conversationHandlers(conversations),
      ...conversationFileHandlers({ store, events, settings }),
      ...folderHandlers(store, events),
      ...trashHandlers(trash),
      ...chatHandlers(chat),
      ...libraryHandlers({ store, ingest, engines, libraries, jobs, maps, watch }),
      ...modelHandlers({
        dataFolder,
        engines,
        settings,
        emit: events.emit,
        onNote,
        onSentenceModel: () => sentences.wake(),
      }),
    },
    unfinished: () => jobs.unfinished(),
    resume: () => jobs.resumeAll(),
    pauseUnfinished: () => jobs.pauseUnfinished(),
    prepared: () => sentences.idle(),
    close: async () => {
      stopHousekeeping();
      await watch.close();
      await jobs.close();
      await sentences.close();
      await engines.close();
      await ingest.close();
      await store.close();
    },
  };
}
