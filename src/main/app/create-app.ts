/** The handlers of the RPC contract over plain parts: store, ingest, engine starter, settings. */
import type { Handlers, LibraryEvent } from '../../shared/rpc/index.ts';
import type { Ingest } from '../ingest/index.ts';
import type { Store } from '../store/index.ts';
import { Chat } from './chat.ts';
import { Conversations } from './conversations.ts';
import type { EngineChoice, StartEngine } from './engines.ts';
import { Engines } from './engines.ts';
import { eventStream } from './event-stream.ts';
import { Libraries } from './library.ts';

export interface AppConfig {
  readonly dataFolder: string;
  readonly store: Store;
  readonly ingest: Ingest;
  /** of extraction and passages together: a stored document of another version is extracted anew */
  readonly extractorVersion: number;
  readonly startEngine: StartEngine;
  /** used where a call chooses nothing */
  readonly defaults: EngineChoice;
  /** `state.maxMemoryMB` and `state.maxDiskGB` */
  readonly limits: { readonly maxMemoryMB: number; readonly maxDiskGB: number };
  /** `ingest.maxFileMB` in bytes */
  readonly maxFileBytes: number;
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
  const { store, ingest, extractorVersion, maxFileBytes } = config;
  const engines = new Engines({ ...config, hashes: store });
  const libraries = new Libraries({ store, ingest, extractorVersion, engines, maxFileBytes });
  const chat = new Chat({ store, engines, libraries });
  const conversations = new Conversations(store);
  return {
    handlers: {
      'library.list': () => libraries.list(),
      'library.show': ({ name }) => libraries.show(name),
      'library.add': (args, { signal }) =>
        eventStream((emit, stop) => libraries.add(args, emit, stop), signal),
      'library.update': (args, { signal }) =>
        eventStream((emit, stop) => libraries.update(args, emit, stop), signal),
      'library.read': (args, { signal }) =>
        eventStream((emit, stop) => libraries.read(args, emit, stop), signal),
      'library.remove': async ({ name }) => {
        await libraries.remove(name);
        return { removed: true };
      },
      'chat.ask': (args, { signal }) => eventStream((emit, stop) => chat.ask(args, emit, stop), signal),
      'conversations.list': (args) => conversations.list(args),
      'conversations.show': ({ id }) => conversations.show(id),
      'conversations.search': ({ query, limit }) => conversations.search(query, limit),
      'conversations.export': ({ id, format }) => conversations.export(id, format),
      'conversations.import': async ({ file }) => ({ conversations: [await conversations.import(file)] }),
      'conversations.delete': async ({ id }) => {
        await conversations.delete(id);
        return { deleted: true };
      },
      'state.info': (args) => libraries.state(args),
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
