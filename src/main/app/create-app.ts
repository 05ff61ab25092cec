/** The handlers of the RPC contract over plain parts: store, ingest, engine starter, settings. */
import type { AppEvent, Handlers, LibraryEvent } from '../../shared/rpc/index.ts';
import type { Ingest } from '../ingest/index.ts';
import type { Store } from '../store/index.ts';
import { Chat, chatHandlers } from './chat.ts';
import { conversationFileHandlers } from './conversation-files.ts';
import { Conversations, conversationHandlers } from './conversations.ts';
import type { EngineChoice, StartEngine } from './engines.ts';
import { Engines } from './engines.ts';
import { AppEvents } from './events.ts';
import { folderHandlers } from './folders.ts';
import { libraryHandlers } from './library-handlers.ts';
import { Libraries } from './library.ts';
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
  /** told what a user may want to know beside results: a state that was dropped, a note of the engine */
  readonly onNote?: ((note: string) => void) | undefined;
}

/** What `createApp` gives; 'app.info' is the host's own. */
export interface App {
  readonly handlers: Omit<Handlers, 'app.info'>;
  /** libraries whose adding or reading was cut off by a kill */
  unfinished(): Promise<readonly { readonly name: string; readonly kind: 'add' | 'read' }[]>;
  /** takes such work up again, one after the other, until it is done or cancelled */
  resume(onEvent: (name: string, event: LibraryEvent) => void, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export function createApp(config: AppConfig): App {
  const { store, settings, ingest, extractorVersion } = config;
  const events = new AppEvents();
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
  });
  const libraries = new Libraries({
    store,
    ingest,
    extractorVersion,
    engines,
    // a getter: what the user sets counts from the next scan on
    get maxFileBytes() {
      return settings.maxFileBytes;
    },
  });
  const conversations = new Conversations(store, events);
  const chat = new Chat({ store, engines, libraries, settings, events });
  const trash = new Trash({ store, events, libraries, isAnswering: (id) => chat.isAnswering(id) });

  /** how things stand, for a new listener */
  const now = (): Promise<readonly AppEvent[]> =>
    Promise.resolve([{ kind: 'settings', settings: settings.current }, chat.answering()]);

  return {
    handlers: {
      'app.events': (_, { signal }) => events.listen(now, signal),
      ...settingsHandlers(settings, events),
      ...conversationHandlers(conversations),
      ...conversationFileHandlers({ store, events }),
      ...folderHandlers(store, events),
      ...trashHandlers(trash),
      ...chatHandlers(chat),
      ...libraryHandlers(libraries),
    },
    unfinished: () => libraries.unfinished(),
    resume: async (onEvent, signal) => {
      for (const { name, kind } of await libraries.unfinished()) {
        const emit = (event: LibraryEvent): void => onEvent(name, event);
        if (kind === 'add') await libraries.update({ name }, emit, signal);
        else await libraries.read({ name }, emit, signal);
      }
    },
    close: async () => {
      await engines.close();
      await ingest.close();
      await store.close();
    },
  };
}
