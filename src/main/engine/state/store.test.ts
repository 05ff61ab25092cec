import {
  closeSync,
  fstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StoredState } from '../engine.ts';
import { TapeCache, tapeState } from '../testing/tape-cache.ts';
import { tinyIds, tinyPlan } from '../testing/tiny-engine.ts';
import { openStateDatabase } from './database.ts';
import { StateStore, type StateIdentity, type StateStoreOptions } from './store.ts';

const PAGE = 1024; // 64 tokens of a TapeCache
const identity: StateIdentity = {
  key: 'identity',
  modelHash: 'model',
  plan: tinyPlan(),
  variant: 'tape',
  numericsVersion: 1,
};

describe('StateStore', () => {
  let folder: string;
  let store: StateStore;
  let notes: string[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'longleaf-state-'));
    notes = [];
    store = open();
  });
  afterEach(() => {
    store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function open(options: Partial<StateStoreOptions> = {}): StateStore {
    return new StateStore(folder, {
      maxBytes: 1e9,
      onNote: (note) => notes.push(note),
      pageBytes: PAGE,
      ...options,
    });
  }

  function reopen(options: Partial<StateStoreOptions> = {}): void {
    store.close();
    store = open(options);
  }

  function save(ids: Int32Array, label = 'library', betweenPages = async () => {}): Promise<StoredState> {
    return store.save({ identity, label, state: tapeState(ids), betweenPages });
  }

  function restore(ids: Int32Array, longerThan = 0): ReturnType<StateStore['restore']> {
    return store.restore(identity, ids, longerThan, {
      createCache: () => new TapeCache(),
      signal: undefined,
    });
  }

  /** Runs SQL on the file while the store is closed. */
  function tamper(sql: string, ...values: unknown[]): void {
    store.close();
    const database = openStateDatabase(join(folder, 'state.db'), () => undefined);
    database.prepare(sql).run(...values);
    database.close();
    store = open();
  }

  function count(table: string): number {
    store.close();
    const database = openStateDatabase(join(folder, 'state.db'), () => undefined);
    const rows = database.prepare(`SELECT count(*) FROM ${table}`).pluck().get() as number;
    database.close();
    store = open();
    return rows;
  }

  it('restores the longest stored prefix, bit for bit, also after a restart', async () => {
    const ids = tinyIds(1000);
    await save(ids.subarray(0, 300));
    const saved = await save(ids.subarray(0, 700));
    await save(tinyIds(800, 2));
    reopen();
    const restored = await restore(ids);
    expect(restored?.cache.position).toBe(700);
    expect((restored?.cache as TapeCache).tape()).toEqual(new TapeCache(ids.subarray(0, 700)).tape());
    expect(restored?.logits).toEqual(Float32Array.of(700, 0.5));
    expect(saved).toMatchObject({ position: 700, bytes: 700 * 16, label: 'library', plan: 'adapted' });
    expect(await restore(ids, 700)).toBeNull();
    expect(await restore(ids.subarray(0, 299))).toBeNull();
  });

  it('gives one checksum to one state, whenever and wherever it is saved', async () => {
    const ids = tinyIds(500);
    const first = await save(ids);
    const again = await save(ids);
    expect(again).toEqual(first);
    const elsewhere = await save(ids, 'another library');
    expect(elsewhere.checksum).toBe(first.checksum);
    expect((await save(tinyIds(500, 2))).checksum).not.toBe(first.checksum);
  });

  it('writes changed pages only, and removes pages with their last state', async () => {
    const ids = tinyIds(640); // 10 pages, of which the first 5 are shared
    await save(ids.subarray(0, 320));
    await save(ids, 'other');
    expect(count('pages')).toBe(10 + 2); // and the logits of each
    expect(await store.remove('other')).toBe(1);
    expect(count('pages')).toBe(5 + 1);
    expect((await restore(ids))?.cache.position).toBe(320);
    await store.remove('library');
    expect(count('pages')).toBe(0);
    expect(count('state_pages')).toBe(0);
  });

  it('lists complete states only, and sweeps what an interrupted saving left', async () => {
    const ids = tinyIds(640);
    await save(ids.subarray(0, 320));
    const stuck = Promise.withResolvers<undefined>();
    let pages = 0;
    const saving = save(ids, 'library', async () => {
      if (++pages === 7) await stuck.promise;
    });
    while (pages < 7) await new Promise((resolve) => setImmediate(resolve));
    expect(store.list().map(({ position }) => position)).toEqual([320]);
    expect((await restore(ids))?.cache.position).toBe(320);
    reopen(); // as after a kill: the writer never ends
    expect(count('pages')).toBe(6);
    stuck.reject(new Error('gone'));
    await expect(saving).rejects.toThrow();
    expect((await restore(ids))?.cache.position).toBe(320);
  });

  it('leaves nothing of a cancelled saving', async () => {
    const ids = tinyIds(640);
    await save(ids.subarray(0, 320));
    const cancelled = save(ids, 'library', () => Promise.reject(new Error('cancelled')));
    await expect(cancelled).rejects.toThrow('cancelled');
    expect(count('pages')).toBe(6);
    expect(store.list()).toHaveLength(1);
  });

  it.each([
    [
      'flipped',
      'UPDATE pages SET bytes = zeroblob(length) WHERE id = (SELECT max(page_id) - 1 FROM state_pages)',
    ],
    ['missing', 'DELETE FROM state_pages WHERE page_id = 9'],
    ['damaged in the header', "UPDATE states SET header = x'00' WHERE position = 640"],
    [
      'those of another state',
      'UPDATE states SET header = (SELECT header FROM states WHERE position = 320) WHERE position = 640',
    ],
  ])('drops a state whose bytes are %s, says so, and restores the shorter one', async (what, sql) => {
    const ids = tinyIds(640);
    await save(ids.subarray(0, 320));
    await save(ids);
    if (what === 'missing') tamper('DELETE FROM state_pages WHERE page_id = (SELECT max(id) - 1 FROM pages)');
    tamper(what === 'missing' ? 'DELETE FROM pages WHERE id = (SELECT max(id) - 1 FROM pages)' : sql);
    expect((await restore(ids))?.cache.position).toBe(320);
    expect(notes.join()).toMatch(/dropped/);
    expect(store.list().map(({ position }) => position)).toEqual([320]);
    // What was dropped can be saved again.
    const saved = await save(ids);
    expect((await restore(ids))?.cache.position).toBe(640);
    expect(saved.position).toBe(640);
  });

  it('thins the checkpoints of a label geometrically behind the newest', async () => {
    const ids = tinyIds(1600);
    for (let position = 100; position <= 1600; position += 100) await save(ids.subarray(0, position));
    const positions = store.list('library').map((state) => state.position);
    expect(positions.slice(-2)).toEqual([1500, 1600]);
    expect(positions.length).toBeLessThan(10);
    expect(positions[0]).toBe(100);
    for (let index = 1; index < positions.length; index++)
      expect(1600 - positions[index - 1]).toBeLessThanOrEqual(2 * (1600 - positions[index]) + 100);
    expect((await restore(ids))?.cache.position).toBe(1600);
  });

  it('keeps the last state of the version before a change, and the checkpoints before the change', async () => {
    const before = tinyIds(1600);
    for (let position = 200; position <= 1600; position += 200) await save(before.subarray(0, position));
    const after = before.slice();
    after[900]++;
    for (let position = 1000; position <= 1400; position += 200) await save(after.subarray(0, position));
    expect((await restore(before))?.cache.position).toBe(1600);
    expect((await restore(after))?.cache.position).toBe(1400);
    expect(store.longestPrefix(identity, before.subarray(0, 950), 0)?.position).toBeLessThanOrEqual(900);
    expect(store.longestPrefix(identity, before.subarray(0, 950), 0)?.position).toBeGreaterThanOrEqual(400);
  });

  it('keeps a version that came back while the next one is read', async () => {
    const [first, second, third] = [1, 2, 3].map((seed) => tinyIds(500, seed));
    await save(first);
    await save(second);
    await save(first); // its files were restored
    await save(third.subarray(0, 200));
    expect((await restore(first))?.cache.position).toBe(500);
    expect(await restore(second)).toBeNull();
  });

  it('thins harder to stay within its quota, and always keeps the newest of each label', async () => {
    const bytesOfNewest = 1600 * 16;
    reopen({ maxBytes: 3.2 * bytesOfNewest });
    const other = tinyIds(400, 2);
    await save(other, 'other');
    const ids = tinyIds(1600);
    // No page is shared: every id differs from one checkpoint to the next in these labels' first pages.
    for (let position = 100; position <= 1600; position += 100) {
      const mine = ids.slice(0, position);
      await save(mine);
    }
    expect((await restore(ids))?.cache.position).toBe(1600);
    expect((await restore(other))?.cache.position).toBe(400);
  });

  it('refuses a state beyond the quota with both numbers, and what was stored stays', async () => {
    reopen({ maxBytes: 400 * 16 });
    const ids = tinyIds(1000);
    await save(ids.subarray(0, 300));
    await expect(save(ids)).rejects.toMatchObject({
      code: 'disk-full',
      details: { needed: 16_000, available: expect.any(Number) },
    });
    expect((await restore(ids))?.cache.position).toBe(300);
  });

  it('reports a full disk, and what was stored stays', async () => {
    const ids = tinyIds(400_000);
    await save(ids.subarray(0, 300));
    store.close();
    const database = openStateDatabase(join(folder, 'state.db'), () => undefined);
    const pages = database.pragma('page_count', { simple: true }) as number;
    database.close();
    store = open({ maxPageCount: pages + 8, pageBytes: 65_536 });
    await expect(save(ids)).rejects.toMatchObject({ code: 'disk-full', details: { needed: 400_000 * 16 } });
    reopen();
    expect((await restore(ids))?.cache.position).toBe(300);
    expect(store.list()).toHaveLength(1);
  });

  it('sets a damaged file aside and starts empty', async () => {
    const ids = tinyIds(640);
    await save(ids);
    store.close();
    writeFileSync(join(folder, 'state.db'), 'This is no database. '.repeat(10_000));
    store = open();
    expect(notes.join()).toMatch(/set aside as state\.db\.corrupt-/);
    expect(store.list()).toEqual([]);
    await save(ids);
    expect((await restore(ids))?.cache.position).toBe(640);
    expect(readdirSync(folder).filter((name) => name.includes('corrupt'))).toHaveLength(1);
  });

  it('sets a file aside that turns out damaged while it is used', async () => {
    const ids = tinyIds(40_000);
    reopen({ pageBytes: 65_536 });
    await save(ids);
    store.close();
    // Everything but the first page: SQLite notices when it reads a table.
    const file = openSync(join(folder, 'state.db'), 'r+');
    const { size } = fstatSync(file);
    writeSync(file, Buffer.alloc(size - 65_536, 0xaa), 0, size - 65_536, 65_536);
    closeSync(file);
    store = open({ pageBytes: 65_536 });
    expect(store.list()).toEqual([]);
    expect(notes.join()).toMatch(/set aside/);
    await save(ids);
    expect((await restore(ids))?.cache.position).toBe(40_000);
  });

  it('is shared by the engines of two models: each sees what the other completed', async () => {
    const other = open();
    const ids = tinyIds(640);
    const meanwhile = async (): Promise<void> => {
      // Saved between two pages of the first one's saving, with five pages in common.
      if (other.list('other').length > 0) return;
      const state = tapeState(ids.subarray(0, 320));
      await other.save({ identity, label: 'other', state, betweenPages: async () => undefined });
      await other.remove('none');
    };
    await save(ids, 'library', meanwhile);
    expect(other.list().map(({ position }) => position)).toEqual([320, 640]);
    await store.remove('library');
    expect(other.list().map(({ position }) => position)).toEqual([320]);
    expect((await restore(ids))?.cache.position).toBe(320);
    other.close();
  });

  it('leaves a state alone that another living process is writing', async () => {
    await save(tinyIds(320));
    const ppid = process.ppid;
    tamper(
      "INSERT INTO states (label, identity, position, prefix_hash, created_at, writer) VALUES ('a','b',1,'c','d',?)",
      ppid,
    );
    expect(count('states')).toBe(2);
    tamper('UPDATE states SET writer = ? WHERE header IS NULL', 2 ** 30);
    expect(count('states')).toBe(1);
  });

  it('refuses the database of another program and of a newer version, and touches neither', async () => {
    for (const [sql, code] of [
      ['PRAGMA user_version = 999', 'unsupported'],
      ['PRAGMA application_id = 1', 'invalid-input'],
    ] as const) {
      store.close();
      const database = openStateDatabase(join(folder, 'state.db'), () => undefined);
      database.exec(sql);
      database.close();
      expect(() => open()).toThrow(expect.objectContaining({ code }));
      rmSync(join(folder, 'state.db'));
      store = open();
    }
    expect(readdirSync(folder).filter((name) => name.includes('corrupt'))).toEqual([]);
  });
});
