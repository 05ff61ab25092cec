/** A library's documents for its views: the tree with counts, texts in stretches, hits in place. */
import { AppError } from '../../shared/errors.ts';
import type { Library, VersionId } from '../../shared/model/index.ts';
import type { Args, DocumentHit, DocumentSlice, LibraryFolder } from '../../shared/rpc/index.ts';
import type { Store } from '../store/index.ts';
import { requireLibrary } from './library-summaries.ts';

/** entries and hits of a page, unless told; code units of a stretch */
const PAGE = 200;
const SLICE = 50_000;

/** @throws AppError 'not-found' (library) */
export async function folderPage(store: Store, request: Args<'library.folder'>): Promise<LibraryFolder> {
  const { name, filter, limit = PAGE, offset = 0 } = request;
  const folder = request.folder.replace(/\/+$/, '');
  const { versionId } = await requireLibrary(store, name);
  if (versionId === null) return { folder, total: 0, entries: [] };
  return store.versionFolder(versionId, { folder, filter, limit, offset });
}

/** @throws AppError 'not-found' (library, document), and for a file whose text could not be read, with its reason */
export async function documentSlice(
  store: Store,
  { name, path, from = 0, length = SLICE }: Args<'library.document'>,
): Promise<DocumentSlice> {
  const library = await requireLibrary(store, name);
  const file = library.versionId === null ? null : await store.versionFile(library.versionId, path);
  if (file === null) throw noDocument(library, path, null);
  const { hash, outcome, reason, tokens } = file;
  const slice = hash === null ? null : await store.documentSlice(hash, from, length);
  if (hash === null || slice === null) throw noDocument(library, path, reason);
  return { path, hash, outcome, reason, tokens, ...slice };
}

/** Passages with all words of the query. @throws AppError 'not-found' (library) */
export async function searchLibrary(
  store: Store,
  { name, query, limit = PAGE, offset = 0 }: Args<'library.search'>,
): Promise<readonly DocumentHit[]> {
  const { versionId } = await requireLibrary(store, name);
  return versionId === null ? [] : store.searchDocuments(versionId, query, { limit, offset });
}

/** @throws AppError 'not-found' naming those of the paths that are no documents of the version */
export async function assertDocuments(
  store: Pick<Store, 'versionFile'>,
  version: VersionId,
  library: string,
  paths: readonly string[],
): Promise<void> {
  const files = await Promise.all(paths.map((path) => store.versionFile(version, path)));
  const missing = paths.filter((_, i) => (files[i]?.hash ?? null) === null);
  if (missing.length === 0) return;
  throw new AppError(
    'not-found',
    `The library ${library} has no text of ${missing.slice(0, 3).join(', ')}${missing.length > 3 ? ' …' : ''}.`,
    'Take them out of the question, or update the library.',
  );
}

function noDocument(library: Library, path: string, reason: string | null): AppError {
  return reason === null
    ? new AppError('not-found', `There is no document ${path} in the library ${library.name}.`)
    : new AppError('not-found', `There is no text of ${path}: ${reason}`);
}
