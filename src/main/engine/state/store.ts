/**
 * Stored states: canonical snapshots of caches in content-addressed pages. A state becomes visible in one last
 * transaction, after all of its pages are durable; what an interrupted writer leaves is swept at the next start.
 * Every page is verified when it is read: a damaged state is dropped with a note, and a shorter prefix serves.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../../shared/errors.ts';
import type { StoredState } from '../engine.ts';
import type { AttentionPlan } from '../plan/types.ts';
import type { Cache } from '../runtime.ts';
import { prefixDigests, type TokenHistory } from '../token-history.ts';
import { makeRoom, thinLabel } from './checkpoints.ts';
import { asAppError, isCorruption, openStateDatabase, setAside, type StateDatabase } from './database.ts';
import { checksumOf, decodeHeader, encodeHeader, type StateHeader } from './header.ts';
import { StateTables, type StateRow } from './tables.ts';

export interface StateIdentity {
  /** the other fields as one hash */
  readonly key: string;
  readonly modelHash: string;
  readonly plan: AttentionPlan;
  readonly variant: string;
  readonly numericsVersion: number;
}

export interface SaveRequest {
  readonly identity: StateIdentity;
  /** what the state belongs to: a library's id */
  readonly label: string;
  readonly state: {
    readonly cache: Cache;
    readonly history: TokenHistory;
    readonly logits: Float32Array | null;
  };
  /** awaited after each page: other work of the process runs here; what it throws ends the saving */
  readonly betweenPages: () => Promise<void>;
}

export interface StateStoreOptions {
  /** quota for all pages together, bytes */
  readonly maxBytes: number;
  /** told when a stored state was dropped or the file set aside */
  readonly onNote: (note: string) => void;
  /** bytes of a page; PAGE_BYTES when absent */
  readonly pageBytes?: number;
  /** largest number of SQLite pages of the file: how a full disk is tested */
  readonly maxPageCount?: number;
}

interface Restored {
  readonly cache: Cache;
  /** of the last position, f32 [vocabulary] */
  readonly logits: Float32Array | null;
}

const PAGE_BYTES = 4 * 1024 * 1024;

/** Space is given back to the disk in steps of this many bytes, so that a chat can come in between. */
const SHRINK_STEP_BYTES = 16 * 1024 * 1024;

export class StateStore {
  readonly #folder: string;
  readonly #path: string;
  readonly #options: StateStoreOptions;
  #database: StateDatabase;

  /** Opens `folder`/state.db; errors as `openStateDatabase`. */
  constructor(folder: string, options: StateStoreOptions) {
    this.#folder = folder;
    this.#path = join(folder, 'state.db');
    this.#options = options;
    mkdirSync(folder, { recursive: true });
    this.#database = openStateDatabase(this.#path, options.onNote);
    if (options.maxPageCount !== undefined) this.#database.pragma(`max_page_count = ${options.maxPageCount}`);
    this.#use((tables) => tables.remove(tables.interrupted()));
  }

  /** Complete states of a label (or all), oldest first. */
  list(label?: string): StoredState[] {
    return this.#use((tables) => tables.states(label)).flatMap((row) => this.#describe(row) ?? []);
  }

  /** The stored state of the identity that holds the longest prefix of ids, if longer than `longerThan` tokens. */
  longestPrefix(identity: StateIdentity, ids: Int32Array, longerThan: number): StateRow | null {
    const rows = this.#use((tables) => tables.between(identity.key, longerThan, ids.length));
    const digests = prefixDigests(
      ids,
      rows.map((row) => row.position),
    );
    return rows.findLast((row, index) => row.prefixHash === digests[index]) ?? null;
  }

  /**
   * Restores the longest prefix of ids into a new cache; null when nothing longer than `longerThan` is stored.
   * @throws AppError 'interrupted' when the signal fires
   */
  async restore(
    identity: StateIdentity,
    ids: Int32Array,
    longerThan: number,
    options: { createCache: () => Cache; signal: AbortSignal | undefined },
  ): Promise<Restored | null> {
    for (;;) {
      const row = this.longestPrefix(identity, ids, longerThan);
      if (row === null) return null;
      const cache = options.createCache();
      try {
        return await this.#load(row, cache, options.signal);
      } catch (error) {
        cache.release();
        if (!(error instanceof AppError) || error.code !== 'corrupt') throw error;
        this.#drop([row.id], error.message);
      }
    }
  }

  /**
   * Saves a state under a label and thins the label's older checkpoints. Saving what is saved already writes
   * nothing. After an error what was stored before is intact.
   * @throws AppError 'disk-full' {needed, available} for the quota or the disk, 'usage' for an empty state
   */
  async save(request: SaveRequest): Promise<StoredState> {
    const { identity, label, state } = request;
    const position = state.cache.position;
    if (position === 0) throw new AppError('usage', 'An empty state was to be saved.');
    const prefixHash = state.history.digest();
    const saved = this.#use((tables) => tables.find(label, identity.key, prefixHash));
    const description = saved && this.#describe(saved);
    if (saved !== undefined && description !== undefined) {
      this.#use((tables) => tables.touch(saved.id));
      return description;
    }

    const bytes = state.cache.snapshotBytes();
    this.#use((tables) => makeRoom(tables, bytes, this.#options.maxBytes, this.#folder));
    const row = { label, identity: identity.key, position, prefixHash, createdAt: new Date().toISOString() };
    const id = this.#use((tables) => tables.begin(row));
    try {
      const header = await this.#writePages(id, request, prefixHash);
      this.#complete({ ...row, id }, header, state.history.ids());
      return describe(row, header);
    } catch (error) {
      this.#abandon(id);
      throw withBytesNeeded(error, bytes);
    }
  }

  /** Removes all states of a label. @returns how many there were */
  async remove(label: string): Promise<number> {
    const ids = this.#use((tables) => tables.states(label)).map((row) => row.id);
    this.#use((tables) => tables.remove(ids));
    while (this.#database.open && this.#use((tables) => tables.shrink(SHRINK_STEP_BYTES)))
      await new Promise((resolve) => setImmediate(resolve));
    return ids.length;
  }

  close(): void {
    this.#database.close();
  }

  #abandon(id: number): void {
    try {
      this.#use((tables) => tables.remove([id]));
    } catch {
      // A full disk can refuse even this. The state is not visible, and swept at the next start.
    }
  }

  async #writePages(id: number, request: SaveRequest, prefixHash: string): Promise<StateHeader> {
    const { identity, state, betweenPages } = request;
    const bytes = state.cache.snapshotBytes();
    const pageBytes = this.#options.pageBytes ?? PAGE_BYTES;
    const buffer = new Uint8Array(Math.min(pageBytes, bytes));
    const pages: string[] = [];
    for (let offset = 0; offset < bytes; offset += pageBytes) {
      const page = buffer.subarray(0, Math.min(pageBytes, bytes - offset));
      await state.cache.readSnapshot(offset, page);
      pages.push(this.#use((tables) => tables.putPage(id, page)));
      await betweenPages();
    }
    const { modelHash, plan, variant, numericsVersion } = identity;
    const { position } = state.cache;
    const logits = this.#writeLogits(id, state.logits);
    return {
      modelHash,
      plan,
      variant,
      numericsVersion,
      position,
      prefixHash,
      bytes,
      pageBytes,
      pages,
      logits,
    };
  }

  #writeLogits(id: number, logits: Float32Array | null): StateHeader['logits'] {
    if (logits === null) return null;
    const bytes = new Uint8Array(logits.buffer, logits.byteOffset, logits.byteLength);
    return { page: this.#use((tables) => tables.putPage(id, bytes)), vocabulary: logits.length };
  }

  #complete(row: Omit<StateRow, 'saved'>, header: StateHeader, ids: Int32Array): void {
    const isThere = this.#use((tables) =>
      tables.transaction(() => {
        if (!tables.complete(row.id, encodeHeader(header))) return false;
        thinLabel(tables, row, ids);
        return true;
      }),
    );
    if (!isThere)
      throw new AppError(
        'corrupt',
        'A page shared with an older state was damaged.',
        'Save the state again.',
      );
  }

  async #load(row: StateRow, cache: Cache, signal: AbortSignal | undefined): Promise<Restored> {
    const header = this.#headerOf(row);
    for (const [index, hash] of header.pages.entries()) {
      const offset = index * header.pageBytes;
      const length = Math.min(header.pageBytes, header.bytes - offset);
      cache.writeSnapshot(offset, this.#verifiedPage(hash, length));
      await new Promise((resolve) => setImmediate(resolve));
      if (signal?.aborted === true) throw new AppError('interrupted', 'The work was cancelled.');
    }
    cache.finishRestore(header.position);
    if (header.logits === null) return { cache, logits: null };
    const { page, vocabulary } = header.logits;
    const bytes = this.#verifiedPage(page, vocabulary * Float32Array.BYTES_PER_ELEMENT);
    return { cache, logits: new Float32Array(bytes.slice().buffer) };
  }

  /** @throws AppError 'corrupt' after dropping every state that has this page */
  #verifiedPage(hash: string, length: number): Uint8Array {
    const page = this.#use((tables) => tables.readPage(hash, length));
    if (page !== null) return page;
    this.#use((tables) => tables.remove(tables.statesWithPage(hash)));
    throw new AppError('corrupt', 'A page of a stored state was missing or damaged.');
  }

  #headerOf(row: StateRow): StateHeader {
    const header = decodeHeader(this.#use((tables) => tables.header(row.id)) ?? new Uint8Array(0));
    if (header.position === row.position && header.prefixHash === row.prefixHash) return header;
    throw new AppError('corrupt', 'A stored state contradicts its header.');
  }

  #describe(row: StateRow): StoredState | undefined {
    try {
      return describe(row, this.#headerOf(row));
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'corrupt') throw error;
      this.#drop([row.id], error.message);
      return undefined;
    }
  }

  #drop(ids: readonly number[], why: string): void {
    this.#use((tables) => tables.remove(ids));
    this.#options.onNote(`${why} The state was dropped; what it held is read again when it is needed.`);
  }

  /** Runs one operation. A database that turns out to be damaged is set aside, and the operation sees an empty one. */
  #use<T>(operation: (tables: StateTables) => T): T {
    try {
      return operation(new StateTables(this.#database));
    } catch (error) {
      if (!isCorruption(error)) throw asAppError(error, this.#path);
    }
    this.#database.close();
    const name = setAside(this.#path);
    this.#options.onNote(
      `The stored states were damaged and set aside as ${name}; libraries are read again.`,
    );
    this.#database = openStateDatabase(this.#path, this.#options.onNote);
    try {
      return operation(new StateTables(this.#database));
    } catch (error) {
      throw asAppError(error, this.#path);
    }
  }
}

/** A disk that filled up while the pages were written: says how much the whole state needs. */
function withBytesNeeded(error: unknown, needed: number): unknown {
  if (!(error instanceof AppError) || error.code !== 'disk-full') return error;
  const message = `${error.message} The state needs ${Math.ceil(needed / 1e6)} MB.`;
  return new AppError('disk-full', message, error.hint, { cause: error, details: { needed } });
}

function describe(row: Pick<StateRow, 'label' | 'createdAt'>, header: StateHeader): StoredState {
  return {
    position: header.position,
    bytes: header.bytes,
    checksum: checksumOf(header),
    plan: header.plan.name,
    label: row.label,
    createdAt: row.createdAt,
    prefixHash: header.prefixHash,
  };
}
