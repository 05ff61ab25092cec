/** Building a library version: scan and match with the version before; then extract, index, tokenise and commit. */
import { AppError } from '../../shared/errors.ts';
import type { FileOutcome, Library, LibraryFile } from '../../shared/model/index.ts';
import type { FileReport, LibraryEvent } from '../../shared/rpc/index.ts';
import { sha256File } from '../formats/index.ts';
import type { Ingest, ScanEntry } from '../ingest/index.ts';
import { hasEncoding } from '../ingest/index.ts';
import type { Store } from '../store/index.ts';
import { chosenEncodings } from './chosen-encodings.ts';
import type { LoadedModel } from './engines.ts';
import type { Emit } from './event-stream.ts';
import { throttled } from './event-stream.ts';
import type { JobOrder } from './job-row.ts';
import { indexFiles } from './index-files.ts';
import type { LibraryContents } from './library-context.ts';
import { contentsOf } from './library-context.ts';
import type { VersionPlan } from './version-plan.ts';
import { planVersion } from './version-plan.ts';

export interface BuildConfig {
  readonly store: Store;
  readonly ingest: Ingest;
  readonly extractorVersion: number;
  /** larger files are refused */
  readonly maxFileBytes: number;
  /** of a first indexing: when what is there of it can be asked; other than 5 s in tests */
  readonly firstEarlyVersionMs?: number;
}

export const PROGRESS_INTERVAL_MS = 100;
/** rows of one transaction */
const FILES_PER_WRITE = 500;

/** What is there now, and how it differs from the version before. Nothing is changed yet. */
export async function planBuild(
  { store, ingest, maxFileBytes }: BuildConfig,
  library: Library,
  before: readonly LibraryFile[],
  { verify = false, retry = false }: Pick<JobOrder, 'verify' | 'retry'>,
  emit: Emit<LibraryEvent>,
  signal: AbortSignal,
): Promise<VersionPlan> {
  assertKnown(library.name, before, typeof retry === 'object' ? retry : []);
  const report = throttled(emit, PROGRESS_INTERVAL_MS);
  const found: ScanEntry[] = [];
  const chosen = await chosenEncodings(store, library.id);
  // asked to verify, or about another encoding, a file is opened; what was not read may be by now, so it is, too
  const known = new Map(
    before
      .filter(({ hash, absolutePath }) => !verify && hash !== null && !chosen.has(absolutePath))
      .map((file) => [file.absolutePath, file]),
  );
  const options = { maxFileBytes, signal, known: (path: string) => known.get(path) };
  for await (const entry of ingest.scan(library.roots, options)) {
    const encoding = hasEncoding(entry.kind) ? chosen.get(entry.absolutePath) : undefined;
    found.push(encoding === undefined ? entry : { ...entry, encoding });
    report({
      kind: 'progress',
      phase: 'scan',
      done: found.length,
      total: 0,
      unit: 'files',
      file: entry.path,
    });
  }
  return planVersion(found, before, {
    verify,
    retry,
    hash: async ({ member = null, absolutePath }) =>
      member === null
        ? ((await sha256File(absolutePath)) as NonNullable<LibraryFile['hash']>)
        : ingest.hashMember(member),
    onProgress: (done, total, file) => {
      signal.throwIfAborted();
      report({ kind: 'progress', phase: 'scan', done, total, unit: 'files', file });
    },
  });
}

/** @throws AppError 'not-found': a file that is to be tried again is none of the library */
function assertKnown(library: string, before: readonly LibraryFile[], paths: readonly string[]): void {
  const known = new Set(before.map(({ path }) => path));
  const unknown = paths.find((path) => !known.has(path));
  if (unknown === undefined) return;
  throw new AppError(
    'not-found',
    `There is no file ${unknown} in the library ${library}.`,
    'See `longleaf library report NAME`.',
  );
}

/** Extraction, index and tokens; a new version only where something is different. */
export async function indexVersion(
  { store, ingest, extractorVersion, firstEarlyVersionMs = FIRST_EARLY_VERSION_MS }: BuildConfig,
  library: Library,
  { tokenizer }: Pick<LoadedModel, 'tokenizer'>,
  plan: VersionPlan,
  before: readonly LibraryFile[],
  emit: Emit<LibraryEvent>,
  signal: AbortSignal,
): Promise<LibraryContents> {
  const report = throttled(emit, PROGRESS_INTERVAL_MS);
  const context = { store, ingest, extractorVersion, tokenizer, signal };
  const early =
    library.versionId === null ? new EarlyVersions(store, library, plan, firstEarlyVersionMs) : null;
  const rows = await indexFiles(context, plan.files, async (file, { index, ...progress }) => {
    report({ kind: 'progress', phase: 'extract', ...progress, unit: 'files' });
    emit({ kind: 'file', file: fileReport(file) });
    await early?.add(index, file);
  });
  report.flush();
  if (library.versionId !== null && sameFiles(rows, before)) return contentsOf(library, rows);
  const version = await putVersion(store, library, rows);
  return contentsOf({ ...library, versionId: version }, rows);
}

/** Files of the version before; those that only waited for their turn are new ones. */
export async function filesBefore(
  store: Pick<Store, 'versionFiles'>,
  { versionId }: Library,
): Promise<readonly LibraryFile[]> {
  const files = versionId === null ? [] : await store.versionFiles(versionId);
  return files.filter(({ reason }) => reason !== NOT_INDEXED_YET);
}

async function putVersion(
  store: Store,
  library: Library,
  rows: readonly LibraryFile[],
): Promise<NonNullable<Library['versionId']>> {
  const version = await store.beginVersion(library.id);
  for (let i = 0; i < rows.length; i += FILES_PER_WRITE) {
    const slice = rows.slice(i, i + FILES_PER_WRITE);
    await store.putVersionFiles(
      version,
      slice.map((file, j) => ({ ...file, ordinal: i + j })),
    );
  }
  await store.commitVersion(library.id, version);
  return version;
}

const NOT_INDEXED_YET = 'not indexed yet: that is under way';
/** When the first early version is made, and how much longer each next one takes: few for many files. */
const FIRST_EARLY_VERSION_MS = 5_000;
const EARLY_VERSION_FACTOR = 3;

/**
 * While a library is indexed for the first time: versions with what is there of it, so that it can be asked from the
 * first minute. The rest stands in them as left out, with its reason.
 */
class EarlyVersions {
  readonly #store: Store;
  readonly #library: Library;
  readonly #rows: LibraryFile[];
  #next: number;
  #interval: number;

  constructor(store: Store, library: Library, plan: VersionPlan, firstMs: number) {
    this.#interval = firstMs;
    this.#next = performance.now() + firstMs;
    this.#store = store;
    this.#library = library;
    this.#rows = plan.files.map(({ entry: { path, absolutePath, bytes, mtimeMs } }) => ({
      ...{ path, absolutePath, bytes, mtimeMs, hash: null, tokens: 0, readAs: path },
      outcome: 'skipped',
      reason: NOT_INDEXED_YET,
    }));
  }

  async add(index: number, row: LibraryFile): Promise<void> {
    this.#rows[index] = row;
    if (performance.now() < this.#next) return;
    this.#next = Infinity;
    await putVersion(this.#store, this.#library, this.#rows.slice());
    this.#interval *= EARLY_VERSION_FACTOR;
    this.#next = performance.now() + this.#interval;
  }
}

export function fileReport({ path, outcome, reason, bytes, tokens }: LibraryFile): FileReport {
  return { path, outcome, reason, bytes, tokens };
}

export function outcomes(files: readonly LibraryFile[]): Readonly<Record<FileOutcome, number>> {
  const counts = { read: 0, partly: 0, refused: 0, skipped: 0 };
  for (const file of files) counts[file.outcome] += 1;
  return counts;
}

const FIELDS = [
  'path',
  'absolutePath',
  'outcome',
  'reason',
  'bytes',
  'mtimeMs',
  'hash',
  'tokens',
  'readAs',
] as const satisfies readonly (keyof LibraryFile)[];

function sameFiles(a: readonly LibraryFile[], b: readonly LibraryFile[]): boolean {
  return (
    a.length === b.length && a.every((file, i) => FIELDS.every((field) => file[field] === b[i]?.[field]))
  );
}
