/** Backups: made beside other work, thinned, put back; killed at any point, one good database is there. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { open, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { backupTime, keptBackups, nameOfBackup } from './backup-names.ts';
import { openStore } from './index.ts';
import { newConversation, say, StoreFixture } from './store.fixture.ts';

const fixture = new StoreFixture();
const folder = (): string => join(fixture.dataFolder, 'backups');

describe('which backups are kept', () => {
  const now = new Date('2026-11-23T10:00:00.000Z');
  const daysAgo = (days: number, hour = 9): Date => new Date(Date.UTC(2026, 10, 23 - days, hour));
  const kept = (names: readonly string[]): readonly string[] => {
    const found = keptBackups([...names].sort(), now);
    return [...names].sort().filter((name) => found.has(name));
  };

  it('three of today, one of each of seven days before, one of each older month', () => {
    const today = [5, 6, 7, 8, 9].map((hour) => nameOfBackup(daysAgo(0, hour), 'daily'));
    const before = Array.from({ length: 300 }, (_, index) =>
      [8, 9].map((hour) => nameOfBackup(daysAgo(index + 1, hour), 'daily')),
    ).flat();
    const left = kept([...before, ...today]);
    expect(left).toHaveLength(3 + 7 + 6);
    expect(left.slice(-3)).toEqual(today.slice(-3));
    expect(left.slice(6, 13)).toEqual(
      [7, 6, 5, 4, 3, 2, 1].map((days) => nameOfBackup(daysAgo(days), 'daily')),
    );
    expect(left.slice(0, 6).map((name) => name.slice(9, 15))).toEqual([
      '202606',
      '202607',
      '202608',
      '202609',
      '202610',
      '202611',
    ]);
    expect(kept(left)).toEqual(left);
  });

  it('the newest of each kind stays, however old it is', () => {
    const upgrade = nameOfBackup(daysAgo(700), 'before-v2');
    const days = Array.from({ length: 40 }, (_, index) => nameOfBackup(daysAgo(index * 20), 'manual'));
    expect(kept([upgrade, ...days])).toContain(upgrade);
  });

  it('a name says when; any other file is no backup', () => {
    expect(backupTime(nameOfBackup(now, 'manual'))).toEqual(now);
    for (const name of ['../longleaf.db', 'longleaf-20261123T100000000-x.db/../y', 'longleaf-1-a.db', ''])
      expect(backupTime(name)).toBeNull();
  });
});

describe('making one', () => {
  beforeEach(() => fixture.open());
  afterEach(() => fixture.close());

  it('does not hold up what is being written, and has all of what was written before', async () => {
    const { id } = await newConversation(fixture.store);
    await Promise.all(Array.from({ length: 2000 }, () => say(fixture.store, id, 'word '.repeat(2000))));
    const backup = fixture.store.backup('manual');
    let slowest = 0;
    let during = 0;
    let done = false;
    void backup.finally(() => (done = true));
    while (!done) {
      const started = performance.now();
      await fixture.store.updateConversation(id, { draft: `draft ${String(during++)}` });
      slowest = Math.max(slowest, performance.now() - started);
    }
    const made = await backup;
    expect(await fixture.store.backups()).toEqual([made]);
    console.log(
      `${String(during)} drafts saved during a backup of ${String(made.bytes)} bytes, slowest ${slowest.toFixed(0)} ms`,
    );
    expect(during).toBeGreaterThan(3);
    expect(made.bytes).toBeGreaterThan(20e6);
  }, 60_000);

  it('a store that closes meanwhile ends it, and the next one clears up', async () => {
    const { id } = await newConversation(fixture.store);
    await Promise.all(Array.from({ length: 500 }, () => say(fixture.store, id, 'word '.repeat(2000))));
    const backup = fixture.store.backup('daily');
    const outcome = expect(backup).rejects.toMatchObject({ code: 'interrupted' });
    await fixture.store.close();
    await outcome;
    await writeFile(join(folder(), 'longleaf-x.db.partial'), 'half').catch(() => undefined);
    await fixture.reopen();
    await fixture.store.backup('daily');
    expect((await readdir(folder())).filter((name) => name.endsWith('.partial'))).toEqual([]);
  }, 60_000);
});

describe('putting one back', () => {
  beforeEach(() => fixture.open());
  afterEach(() => fixture.close());

  it('happens at the next start; what was there becomes a backup and can be put back itself', async () => {
    const { id } = await newConversation(fixture.store, 'old');
    const { name } = await fixture.store.backup('manual');
    await fixture.store.updateConversation(id, { title: 'new' });
    await fixture.store.restoreAtNextOpen(name);
    expect((await fixture.store.conversation(id))?.title).toBe('new');
    await fixture.store.close();

    const notes: string[] = [];
    const restored = await openStore({ dataFolder: fixture.dataFolder, onNote: (note) => notes.push(note) });
    expect((await restored.conversation(id))?.title).toBe('old');
    expect(notes).toEqual([expect.stringMatching(/has been put back\. What was there before/)]);
    const before = (await restored.backups()).find((backup) => backup.name.includes('before-restore'));
    await restored.restoreAtNextOpen(before?.name ?? '');
    await restored.close();
    await fixture.reopen();
    expect((await fixture.store.conversation(id))?.title).toBe('new');
    expect(existsSync(join(fixture.dataFolder, 'restore.json'))).toBe(false);
  }, 30_000);

  it('one that is not there, or damaged, is refused at once; one damaged later changes nothing', async () => {
    const { id } = await newConversation(fixture.store, 'kept');
    await say(fixture.store, id, 'x'.repeat(200_000));
    for (const name of ['nothing.db', '../longleaf.db', '']) {
      await expect(fixture.store.restoreAtNextOpen(name)).rejects.toMatchObject({ code: 'not-found' });
    }
    const { name } = await fixture.store.backup('manual');
    await fixture.store.restoreAtNextOpen(name);
    const handle = await open(join(folder(), name), 'r+');
    for (let page = 2; page < 20; page++) await handle.write(Buffer.alloc(4096, 0xa5), 0, 4096, page * 4096);
    await handle.close();
    await expect(fixture.store.restoreAtNextOpen(name)).rejects.toMatchObject({ code: 'corrupt' });
    await fixture.store.close();
    const notes: string[] = [];
    const store = await openStore({ dataFolder: fixture.dataFolder, onNote: (note) => notes.push(note) });
    expect(notes).toEqual([expect.stringMatching(/was not put back, and nothing was changed/)]);
    expect((await store.conversation(id))?.title).toBe('kept');
    await store.close();
    await fixture.reopen();
  }, 30_000);

  it('in place of a damaged database, which is kept aside', async () => {
    const { id } = await newConversation(fixture.store, 'good');
    const { name } = await fixture.store.backup('manual');
    await fixture.store.restoreAtNextOpen(name);
    await fixture.store.close();
    await writeFile(join(fixture.dataFolder, 'longleaf.db'), 'no database '.repeat(1000));
    await fixture.reopen();
    expect((await fixture.store.conversation(id))?.title).toBe('good');
    expect((await readdir(folder())).some((file) => file.startsWith('damaged-'))).toBe(true);
  }, 30_000);

  it(
    'killed at any point: the database is whole, and the next start goes on',
    { timeout: 120_000 },
    async () => {
      const { id } = await newConversation(fixture.store, 'old');
      await Promise.all(Array.from({ length: 600 }, () => say(fixture.store, id, 'word '.repeat(2000))));
      const { name } = await fixture.store.backup('manual');
      await fixture.store.updateConversation(id, { title: 'new' });
      await fixture.store.restoreAtNextOpen(name);
      await fixture.store.close();
      const asked = (): boolean => existsSync(join(fixture.dataFolder, 'restore.json'));
      let kills = 0;
      for (let milliseconds = 20; asked() && kills < 40; milliseconds += 25) {
        await startAndKill(fixture.dataFolder, milliseconds);
        kills++;
      }
      await fixture.reopen();
      console.log(`a restore was killed ${String(kills)} times`);
      expect(kills).toBeGreaterThan(1);
      expect(await fixture.store.health()).toMatchObject({ integrity: 'ok' });
      expect((await fixture.store.conversation(id))?.title).toBe('old');
      expect(await fixture.store.messages(id)).toHaveLength(600);
      const files = await readdir(folder());
      expect(files.some((file) => file.includes('before-restore'))).toBe(true);
      await rm(join(fixture.dataFolder, 'longleaf.db.restoring'), { force: true });
    },
  );
});

/** Opens the store in a process of its own and kills it after so long, unless it is open by then. */
async function startAndKill(dataFolder: string, milliseconds: number): Promise<void> {
  const script = fileURLToPath(import.meta.resolve('./opener.fixture.ts'));
  const child = spawn(process.execPath, [script, dataFolder], { stdio: ['ignore', 'pipe', 'inherit'] });
  // the time counts from the moment at which the process begins to open
  child.stdout.once('data', () => setTimeout(() => child.kill('SIGKILL'), milliseconds));
  await new Promise((resolve) => child.on('close', resolve));
}
