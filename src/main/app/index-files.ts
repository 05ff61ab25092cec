/**
 * From files to an indexed library version: extract, split into passages, store and index, tokenise. Each file is a
 * durable step of its own: after a kill the next run finds the finished documents by their hash and goes on.
 */
import { AppError } from '../../shared/errors.ts';
import type { ContentHash, LibraryFile } from '../../shared/model/index.ts';
import type { ExtractedDocument, Ingest, ScanEntry, TextPiece } from '../ingest/index.ts';
import { reasonOf, wasNotOpened } from '../ingest/index.ts';
import type { Store } from '../store/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';
import { encodeText } from './encode-text.ts';
import type { PlannedFile } from './version-plan.ts';

export interface IndexContext {
  readonly store: Store;
  readonly ingest: Ingest;
  readonly extractorVersion: number;
  readonly tokenizer: Tokenizer;
  readonly signal: AbortSignal;
}

export interface IndexProgress {
  /** of the file, in the plan's order */
  readonly index: number;
  readonly done: number;
  readonly total: number;
  /** path within the library */
  readonly file: string;
}

/**
 * Files under way at once: small ones many, so that they share messages and commits; of large ones few, since each is in
 * memory several times. One is always begun.
 */
const MOST_FILES = 48;
const MOST_BYTES = 4 * 2 ** 20;

/**
 * Indexes all files of a plan and returns the rows of the version, in the plan's order.
 * @throws AppError 'interrupted', 'disk-full'; a file that can't be read is refused, and the run goes on
 */
export async function indexFiles(
  context: IndexContext,
  files: readonly PlannedFile[],
  onFile: (file: LibraryFile, progress: IndexProgress) => Promise<void> | void,
): Promise<LibraryFile[]> {
  const rows: (LibraryFile | undefined)[] = [];
  const underWay = new Set<Promise<void>>();
  let [bytes, done] = [0, 0];
  let failure: { readonly error: unknown } | null = null;
  const unchanged = await unchangedRows(context, files);
  const index = async (planned: PlannedFile, i: number): Promise<void> => {
    try {
      const row = unchanged.get(planned) ?? (await indexFile(context, planned));
      rows[i] = row;
      done += 1;
      await onFile(row, { index: i, done, total: files.length, file: row.path });
    } catch (error) {
      failure ??= { error };
    }
  };
  for (const [i, planned] of files.entries()) {
    const size = planned.entry.bytes;
    while (underWay.size > 0 && (underWay.size >= MOST_FILES || bytes + size > MOST_BYTES))
      await Promise.race(underWay);
    if (failure !== null || context.signal.aborted) break;
    bytes += size;
    const work: Promise<void> = index(planned, i).finally(() => {
      bytes -= size;
      underWay.delete(work);
    });
    underWay.add(work);
  }
  // All must have stopped before a failure is reported: nobody writes after the end.
  await Promise.all(underWay);
  if (failure !== null) throw (failure as { readonly error: unknown }).error;
  context.signal.throwIfAborted();
  return rows.filter((row) => row !== undefined);
}

/** documents that the store is asked for at once */
const ASKED_TOGETHER = 1000;

/** Rows of files that are as they were, whose text and ids are there: asked for together, since they may be all. */
async function unchangedRows(
  { store, extractorVersion, tokenizer }: IndexContext,
  files: readonly PlannedFile[],
): Promise<ReadonlyMap<PlannedFile, LibraryFile>> {
  const rows = new Map<PlannedFile, LibraryFile>();
  const asked = files.flatMap((planned) => {
    const { hash, before, entry } = planned;
    return hash !== null && before?.hash === hash && entry.outcome === null
      ? [{ planned, hash, before }]
      : [];
  });
  for (let from = 0; from < asked.length; from += ASKED_TOGETHER) {
    const some = asked.slice(from, from + ASKED_TOGETHER);
    const hashes = some.map(({ hash }) => hash);
    const counts = await store.tokenCounts(hashes, extractorVersion, tokenizer.fingerprint);
    for (const [i, { planned, hash, before }] of some.entries()) {
      const tokens = counts[i] ?? null;
      const { outcome, reason } = before;
      if (tokens !== null) rows.set(planned, rowOf(planned, { outcome, reason, hash, tokens }));
    }
  }
  return rows;
}

async function indexFile(context: IndexContext, planned: PlannedFile): Promise<LibraryFile> {
  const { entry, before } = planned;
  if (entry.outcome !== null) return rowOf(planned, { outcome: entry.outcome, reason: entry.reason });
  const unchangedRefusal = planned.change === 'unchanged' && planned.hash === null && before !== null;
  if (unchangedRefusal) return rowOf(planned, { outcome: before.outcome, reason: before.reason });
  try {
    const hash = await storedDocument(context, planned);
    return rowOf(planned, hash);
  } catch (error) {
    if (error instanceof AppError && REFUSALS.has(error.code)) {
      const row = rowOf(planned, { outcome: 'refused', reason: reasonOf(error) });
      // gone, or locked, since the scan: of no time, so that the next update tries it again
      return wasNotOpened(error) ? { ...row, mtimeMs: 0 } : row;
    }
    throw error;
  }
}

/** What one bad file may cost: itself. */
const REFUSALS: ReadonlySet<string> = new Set(['invalid-input', 'unsupported', 'not-found']);

interface Indexed {
  readonly outcome: LibraryFile['outcome'];
  readonly reason: string | null;
  readonly hash?: ContentHash;
  readonly tokens?: number;
}

/** The document of a file: from the store where its content is known, else extracted now. */
async function storedDocument(context: IndexContext, planned: PlannedFile): Promise<Indexed> {
  const { store, extractorVersion } = context;
  if (planned.hash !== null && (await store.hasDocument(planned.hash, extractorVersion))) {
    const counted = await store.tokenCount(planned.hash, context.tokenizer.fingerprint);
    const { before } = planned;
    if (counted !== null && before?.hash === planned.hash) {
      return { outcome: before.outcome, reason: before.reason, hash: planned.hash, tokens: counted };
    }
    const known = await stored(context, planned.hash, counted);
    if (known !== null) return known;
  }
  return extract(context, planned.entry);
}

/** What the store has of a document, tokenised now where it is not yet. null: it has none */
async function stored(
  context: IndexContext,
  hash: ContentHash,
  counted: number | null,
): Promise<(Indexed & { tokens: number }) | null> {
  const head = await context.store.documentHead(hash);
  if (head === null) return null;
  const { outcome, reason } = head;
  const tokens = counted ?? (await tokeniseStored(context, hash));
  return { outcome, reason, hash, tokens };
}

async function extract(context: IndexContext, entry: ScanEntry): Promise<Indexed> {
  const { store, ingest, extractorVersion, tokenizer, signal } = context;
  const pieces = new StoredPieces(context);
  let document: ExtractedDocument;
  try {
    document = await ingest.extract(entry, signal, (piece) => pieces.put(piece));
  } catch (error) {
    // not interrupted by anyone: the very same text is there already
    const known = pieces.known;
    if (known === null) throw error;
    const found = await stored(context, known, await store.tokenCount(known, tokenizer.fingerprint));
    if (found === null) throw error;
    return found;
  }
  const { hash, kind, title, text, sections, outcome, reason } = document;
  const row = { hash, kind, title, sections, outcome, reason, extractorVersion };
  if (document.length !== undefined) {
    const counted = await store.finishLongDocument(row, tokenizer.fingerprint);
    return { outcome, reason, hash, tokens: counted ?? (await tokeniseStored(context, hash)) };
  }
  if (await store.hasDocument(hash, extractorVersion)) {
    const counted = await store.tokenCount(hash, tokenizer.fingerprint);
    return { outcome, reason, hash, tokens: counted ?? (await tokeniseStored(context, hash)) };
  }
  const ids = await encodeText(tokenizer, text, signal);
  await store.putDocument({ ...row, text }, ingest.passages(document), {
    tokenizer: tokenizer.fingerprint,
    ids,
  });
  return { outcome, reason, hash, tokens: ids.length };
}

/** A long text on its way into the store: what an interrupted run has stored is not stored again. */
class StoredPieces {
  readonly #context: IndexContext;
  #from: number | null = null;
  /** the document, where it is there already and no piece is needed */
  known: ContentHash | null = null;

  constructor(context: IndexContext) {
    this.#context = context;
  }

  /** @returns false: the rest is not needed */
  async put({ hash, kind, start, line, text, passages }: TextPiece): Promise<boolean> {
    const { store, extractorVersion, tokenizer, signal } = this.#context;
    signal.throwIfAborted();
    if (this.#from === null && (await store.hasDocument(hash, extractorVersion))) {
      this.known = hash;
      return false;
    }
    this.#from ??= await store.beginLongDocument({ hash, kind, extractorVersion });
    if (start < this.#from) return true;
    const ids = await encodeText(tokenizer, text, signal);
    const tokens = { tokenizer: tokenizer.fingerprint, ids };
    await store.putPiece(hash, { start, line, text }, passages, tokens);
    return true;
  }
}

/** Ids of a stored document, piece by piece where it has several. Returns how many they are. */
async function tokeniseStored(
  { store, tokenizer, signal }: Pick<IndexContext, 'store' | 'tokenizer'> & { signal?: AbortSignal },
  hash: ContentHash,
): Promise<number> {
  const { fingerprint } = tokenizer;
  const first = await store.documentPiece(hash, 0);
  if (first === null) throw textMissing(hash);
  const ids = await encodeText(tokenizer, first.text, signal);
  if (first.next === null) {
    await store.putTokens(hash, fingerprint, ids);
    return ids.length;
  }
  await store.putTokenPiece(hash, fingerprint, 0, ids);
  for (let start: number | null = first.next; start !== null;) {
    const piece = await store.documentPiece(hash, start);
    if (piece === null) throw textMissing(hash);
    await store.putTokenPiece(hash, fingerprint, start, await encodeText(tokenizer, piece.text, signal));
    start = piece.next;
  }
  const counted = await store.finishTokens(hash, fingerprint);
  if (counted === null) throw textMissing(hash);
  return counted;
}

function textMissing(hash: ContentHash): AppError {
  return new AppError(
    'corrupt',
    `The text of a document is not in the store (${hash}).`,
    'Update the library.',
  );
}

/** A changed file is read anew, so its header will hold the path of now; any other keeps the one it was read under. */
function rowOf({ entry, before, change }: PlannedFile, indexed: Indexed): LibraryFile {
  const { path, absolutePath, bytes, mtimeMs } = entry;
  return {
    path,
    absolutePath,
    bytes,
    mtimeMs,
    outcome: indexed.outcome,
    reason: indexed.reason,
    hash: indexed.hash ?? null,
    tokens: indexed.tokens ?? 0,
    readAs: before === null || change === 'changed' ? path : before.readAs,
  };
}

/** Tokens of all documents of a version under one tokenizer; a model with another vocabulary tokenises them now. */
export async function tokensOf(
  { store, tokenizer }: Pick<IndexContext, 'store' | 'tokenizer'>,
  hash: ContentHash,
): Promise<Int32Array> {
  const known = await store.tokens(hash, tokenizer.fingerprint);
  if (known !== null) return known;
  await tokeniseStored({ store, tokenizer }, hash);
  const made = await store.tokens(hash, tokenizer.fingerprint);
  if (made === null) throw textMissing(hash);
  return made;
}
