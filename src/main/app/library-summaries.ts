/** What is said of libraries: in the list, of one with all its files, and of what was read of it. */
import { AppError } from '../../shared/errors.ts';
import type { Library } from '../../shared/model/index.ts';
import type { LibraryDetails, LibrarySummary, StateReport } from '../../shared/rpc/index.ts';
import type { Store } from '../store/index.ts';
import type { EngineChoice, Engines } from './engines.ts';
import type { JobRow } from './job-row.ts';
import { jobRows } from './job-row.ts';
import { outcomes } from './library-build.ts';
import type { LibraryContents } from './library-context.ts';
import { libraryContents, prefixOf } from './library-context.ts';
import { readingPlan, stateReport } from './library-reading.ts';
import { readingOf } from './library-settings.ts';

/** Names of libraries that hold what was attached to a conversation; they are not listed. */
export const ATTACHED = 'attached:';

/** @throws AppError 'not-found' */
export async function requireLibrary(store: Pick<Store, 'library'>, name: string): Promise<Library> {
  const library = await store.library(name);
  if (library !== null) return library;
  throw new AppError('not-found', `There is no library "${name}".`, 'See `longleaf library list`.');
}

export async function listLibraries(store: Store): Promise<readonly LibrarySummary[]> {
  const libraries = await store.libraries();
  const rows = await jobRows(store);
  const listed = libraries.filter(({ name }) => !name.startsWith(ATTACHED));
  return Promise.all(listed.map((library) => summaryOf(store, library, rows)));
}

export async function summaryOf(
  store: Store,
  library: Library,
  rows?: readonly JobRow[],
): Promise<LibrarySummary> {
  const { files, documents, tokens, bytes } =
    library.versionId === null ? NOTHING : await store.versionTotals(library.versionId);
  const row = (rows ?? (await jobRows(store))).find((one) => one.library === library.id);
  const isBusy = row?.state === 'running' || row?.state === 'paused';
  const reading = await readingOf(store, library.id);
  const isRead = reading !== null && reading.versionId === library.versionId;
  const status = isBusy ? 'reading' : documents === 0 ? 'empty' : isRead ? 'read' : 'indexed';
  return { library, files, tokens, bytes, status };
}

const NOTHING = { files: 0, documents: 0, tokens: 0, bytes: 0 };

/** With every file; `folder` and `map` give the same in pages. */
export async function libraryDetails(
  store: Store,
  engines: Engines,
  library: Library,
): Promise<LibraryDetails> {
  const contents = await libraryContents(store, library);
  return {
    ...(await summaryOf(store, library)),
    list: contents.files,
    counts: outcomes(contents.files),
    state: await stateOf(store, engines, contents, {}),
  };
}

/** @throws AppError 'not-found' for a library that was never read */
export async function libraryState(
  store: Store,
  engines: Engines,
  library: Library,
  choice: EngineChoice,
): Promise<StateReport> {
  const report = await stateOf(store, engines, await libraryContents(store, library), choice);
  if (report !== null) return report;
  throw new AppError(
    'not-found',
    `The library ${library.name} is indexed; it was not read into a state.`,
    `Read it with \`longleaf library read ${library.name}\`.`,
  );
}

async function stateOf(
  store: Store,
  engines: Engines,
  contents: LibraryContents,
  choice: EngineChoice,
): Promise<StateReport | null> {
  const reading = await readingOf(store, contents.library.id);
  if (reading === null) return null;
  const model = await engines.load({ ...choice, model: choice.model ?? reading.model });
  const plan = readingPlan(engines, model, choice, reading);
  const prefix = await prefixOf(store, model, contents);
  return stateReport(await model.engine(), model, plan, contents.library.id, prefix);
}
