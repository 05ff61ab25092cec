/** Libraries, their documents and the work on them behind the contract. */
import { reportFile } from '../../shared/library-report.ts';
import type { Handlers } from '../../shared/rpc/index.ts';
import type { Ingest } from '../ingest/index.ts';
import type { Store } from '../store/index.ts';
import type { ContextMaps } from './context-map.ts';
import { documentSlice, folderPage, searchLibrary } from './documents.ts';
import type { Engines } from './engines.ts';
import { chooseEncoding, fileEncoding } from './file-encodings.ts';
import { eventStream } from './event-stream.ts';
import type { Jobs } from './jobs.ts';
import type { Libraries } from './library.ts';
import type { LibraryWatch } from './library-watch.ts';
import { libraryDetails, libraryState, listLibraries, requireLibrary } from './library-summaries.ts';

export interface LibraryParts {
  readonly store: Store;
  readonly engines: Engines;
  readonly ingest: Ingest;
  readonly libraries: Libraries;
  readonly jobs: Jobs;
  readonly maps: ContextMaps;
  readonly watch: LibraryWatch;
}

type LibraryMethod = Extract<keyof Handlers, `library.${string}` | `jobs.${string}` | 'state.info'>;

export function libraryHandlers(parts: LibraryParts): Pick<Handlers, LibraryMethod> {
  const { store, ingest, engines, libraries, jobs, maps, watch } = parts;
  return {
    'library.list': () => listLibraries(store),
    'library.show': async ({ name }) => libraryDetails(store, engines, await requireLibrary(store, name)),
    'library.report': async ({ name, format }) => {
      const { versionId } = await requireLibrary(store, name);
      return reportFile(name, versionId === null ? [] : await store.versionFiles(versionId), format);
    },
    'library.add': (args, { signal }) => eventStream((emit, stop) => libraries.add(args, emit, stop), signal),
    'library.update': (args, { signal }) =>
      eventStream((emit, stop) => libraries.update(args, emit, stop), signal),
    'library.read': (args, { signal }) =>
      eventStream((emit, stop) => libraries.read(args, emit, stop), signal),
    'library.change': async (args) => {
      const summary = await libraries.change(args);
      jobs.renamed(summary.library.id, summary.library.name);
      return summary;
    },
    'library.remove': async ({ name }) => {
      await jobs.drop(name);
      await libraries.remove(name);
      return { removed: true };
    },
    'library.folder': (args) => folderPage(store, args),
    'library.document': (args) => documentSlice(store, args),
    'library.encoding': (args) => fileEncoding({ store, ingest }, args),
    'library.setEncoding': (args) => chooseEncoding({ store, ingest }, args),
    'library.search': (args) => searchLibrary(store, args),
    'library.map': (args) => maps.map(args),

    'library.notice': () => {
      void watch.look();
      return Promise.resolve({ noted: true });
    },

    'jobs.start': (args) => jobs.start(args),
    'jobs.list': () => jobs.list(),
    'jobs.pause': ({ name }) => jobs.pause(name),
    'jobs.resume': ({ name }) => jobs.resume(name),
    'jobs.cancel': ({ name }) => jobs.cancel(name),

    'state.info': async ({ name, ...choice }) =>
      libraryState(store, engines, await requireLibrary(store, name), choice),
  };
}
