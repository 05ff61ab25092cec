/** The tables of state.db as typed operations. States in writing have no header yet and are invisible to readers. */
import { createHash } from 'node:crypto';
import type { StateDatabase } from './database.ts';

export interface StateRow {
  readonly id: number;
  readonly label: string;
  readonly identity: string;
  readonly position: number;
  readonly prefixHash: string;
  readonly createdAt: string;
  /** grows with each saving, also when the state was there already */
  readonly saved: number;
}

export type NewState = Omit<StateRow, 'id' | 'saved'>;

const COLUMNS = 'id, label, identity, position, prefix_hash AS prefixHash, created_at AS createdAt, saved';
const NEXT_SAVED = '(SELECT coalesce(max(saved), 0) + 1 FROM states)';

export class StateTables {
  readonly #database: StateDatabase;

  constructor(database: StateDatabase) {
    this.#database = database;
  }

  // ---- states ----

  /** Complete states, the last saved last. */
  states(label?: string): StateRow[] {
    const where = label === undefined ? '' : 'AND label = ?';
    return this.#rows(`WHERE header IS NOT NULL ${where} ORDER BY saved`, label === undefined ? [] : [label]);
  }

  find(label: string, identity: string, prefixHash: string): StateRow | undefined {
    const where = 'WHERE header IS NOT NULL AND label = ? AND identity = ? AND prefix_hash = ?';
    return this.#rows(where, [label, identity, prefixHash])[0];
  }

  /** Complete states of the identity with from < position <= to, ascending. */
  between(identity: string, from: number, to: number): StateRow[] {
    return this.#rows(
      'WHERE header IS NOT NULL AND identity = ? AND position > ? AND position <= ? ORDER BY position, id',
      [identity, from, to],
    );
  }

  header(id: number): Uint8Array | undefined {
    const row = this.#database.prepare('SELECT header FROM states WHERE id = ?').get(id);
    return (row as { header: Uint8Array | null } | undefined)?.header ?? undefined;
  }

  /** Begins a state: invisible until `complete`. */
  begin(state: NewState): number {
    const result = this.#database
      .prepare(
        `INSERT INTO states (label, identity, position, prefix_hash, created_at, writer)
         VALUES (?, ?, ?, ?, ?, ?)`,
      )
      .run(state.label, state.identity, state.position, state.prefixHash, state.createdAt, process.pid);
    return Number(result.lastInsertRowid);
  }

  /** @returns false when the state is gone: it was dropped because a page that it shares was damaged */
  complete(id: number, header: Uint8Array): boolean {
    const update = this.#database.prepare(`UPDATE states SET header = ?, saved = ${NEXT_SAVED} WHERE id = ?`);
    return update.run(header, id).changes === 1;
  }

  /** Makes a state the last saved one. */
  touch(id: number): void {
    this.#database.prepare(`UPDATE states SET saved = ${NEXT_SAVED} WHERE id = ?`).run(id);
  }

  /** Removes states and the pages that nobody else needs. */
  remove(ids: readonly number[]): void {
    const pagesOf = this.#database.prepare('SELECT page_id FROM state_pages WHERE state_id = ?').pluck();
    const removeState = this.#database.prepare('DELETE FROM states WHERE id = ?');
    const removePage = this.#database.prepare(
      'DELETE FROM pages WHERE id = ? AND NOT EXISTS (SELECT 1 FROM state_pages WHERE page_id = pages.id)',
    );
    this.transaction(() => {
      for (const id of ids) {
        const pages = pagesOf.all(id);
        removeState.run(id);
        for (const page of pages) removePage.run(page);
      }
    });
  }

  /** States whose writing was interrupted: their process is gone, or is this one, which is only starting. */
  interrupted(): number[] {
    const rows = this.#database.prepare('SELECT id, writer FROM states WHERE header IS NULL').all();
    return (rows as { id: number; writer: number | null }[])
      .filter(({ writer }) => writer === null || writer === process.pid || !isAlive(writer))
      .map(({ id }) => id);
  }

  // ---- pages ----

  /** Adds a page to a state in writing; bytes that are stored already are not written again. @returns its hash */
  putPage(state: number, bytes: Uint8Array): string {
    const hash = createHash('sha256').update(bytes).digest();
    this.transaction(() => {
      const known = this.#database
        .prepare('SELECT id FROM pages WHERE hash = ? AND length = ?')
        .pluck()
        .get(hash, bytes.length);
      const page =
        known ??
        this.#database
          .prepare('INSERT INTO pages (hash, length, bytes) VALUES (?, ?, ?)')
          .run(hash, bytes.length, bytes).lastInsertRowid;
      this.#database.prepare('INSERT OR IGNORE INTO state_pages VALUES (?, ?)').run(state, page);
    });
    return hash.toString('hex');
  }

  /** The bytes stored under a hash, verified; null when they are missing or damaged. */
  readPage(hash: string, length: number): Uint8Array | null {
    const key = Buffer.from(hash, 'hex');
    const bytes = this.#database
      .prepare('SELECT bytes FROM pages WHERE hash = ? AND length = ?')
      .pluck()
      .get(key, length) as Uint8Array | undefined;
    if (bytes === undefined) return null;
    return createHash('sha256').update(bytes).digest().equals(key) ? bytes : null;
  }

  /** Complete and incomplete states that have the page. */
  statesWithPage(hash: string): number[] {
    return this.#database
      .prepare('SELECT state_id FROM state_pages JOIN pages ON pages.id = page_id WHERE hash = ?')
      .pluck()
      .all(Buffer.from(hash, 'hex')) as number[];
  }

  /** Bytes of all distinct pages. */
  usedBytes(): number {
    return this.#database.prepare('SELECT coalesce(sum(length), 0) FROM pages').pluck().get() as number;
  }

  // ---- file ----

  /** Bytes inside the file that new pages can take. */
  reusableBytes(): number {
    return this.#pragma('freelist_count') * this.#pragma('page_size');
  }

  /** Gives at most `bytes` of unused space back to the disk. @returns whether there is more */
  shrink(bytes: number): boolean {
    const pages = Math.max(1, Math.floor(bytes / this.#pragma('page_size')));
    this.#database.pragma(`incremental_vacuum(${pages})`);
    return this.#pragma('freelist_count') > 0;
  }

  transaction<T>(work: () => T): T {
    // Immediate: a transaction that reads first and writes then could find that another process was quicker.
    return this.#database.transaction(work).immediate();
  }

  #pragma(name: string): number {
    return Number(this.#database.pragma(name, { simple: true }));
  }

  #rows(rest: string, parameters: readonly (string | number)[]): StateRow[] {
    return this.#database.prepare(`SELECT ${COLUMNS} FROM states ${rest}`).all(...parameters) as StateRow[];
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: there is such a process, of another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
