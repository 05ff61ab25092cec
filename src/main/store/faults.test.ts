/** What must not lose anything: kills, a full disk, damaged, foreign and newer files, migrations. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, open, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { ConversationId } from '../../shared/model/index.ts';
import { connect, type Db } from './database.ts';
import { classifyError } from './errors.ts';
import { Executor } from './executor.ts';
import { newId } from './ids.ts';
import { openStore } from './index.ts';
import { migrations, type Migration } from './migrations/index.ts';
import { closeDatabase, databasePaths, openDatabase } from './open.ts';
import { ensureReserve, releaseReserve, reserveBytes } from './reserve.ts';
import { newConversation, say } from './store.fixture.ts';
import { createSyncStore } from './sync-store.ts';

let dataFolder: string;

beforeEach(async () => {
  dataFolder = await mkdtemp(join(tmpdir(), 'longleaf-faults-'));
});
afterEach(() => rm(dataFolder, { recursive: true, force: true }));

const databaseFile = (): string => join(dataFolder, 'longleaf.db');

/** Runs the writer, kills it after some time; what it has printed was acknowledged. */
async function killedWriter(milliseconds: number): Promise<{ conversation: string; messages: string[] }> {
  const child = spawn(
    process.execPath,
    [fileURLToPath(import.meta.resolve('./writer.fixture.ts')), dataFolder],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let output = '';
  let timer: NodeJS.Timeout | undefined;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    timer ??= setTimeout(() => child.kill('SIGKILL'), milliseconds);
  });
  await new Promise((resolve) => child.on('close', resolve));
  const lines = output.slice(0, output.lastIndexOf('\n')).split('\n');
  return {
    conversation: lines[0]?.replace('conversation ', '') ?? '',
    messages: lines.slice(1).map((line) => line.replace('message ', '')),
  };
}

describe('kill -9', () => {
  it(
    'every acknowledged message is there afterwards, and the database is sound',
    { timeout: 120_000 },
    async () => {
      let acknowledged = 0;
      for (const milliseconds of [5, 40, 90, 160]) {
        const { conversation, messages } = await killedWriter(milliseconds);
        const store = await openStore({ dataFolder });
        const found = new Set(
          (await store.messages(conversation as ConversationId)).map(({ id }) => String(id)),
        );
        expect(messages.filter((id) => !found.has(id))).toEqual([]);
        expect((await store.health()).integrity).toBe('ok');
        acknowledged += messages.length;
        await store.close();
      }
      console.log(`kill -9: ${String(acknowledged)} acknowledged messages, none lost`);
      expect(acknowledged).toBeGreaterThan(4);
    },
  );
});

describe('files that are not what they should be', () => {
  it("another program's database is left as it is", async () => {
    const foreign = connect(databaseFile());
    foreign.exec('CREATE TABLE theirs (x); PRAGMA application_id = 7');
    foreign.close();
    await expect(openStore({ dataFolder })).rejects.toMatchObject({
      code: 'unsupported',
      hint: expect.stringContaining('--data'),
    });
    const after = connect(databaseFile());
    expect(after.prepare('SELECT name FROM sqlite_schema').pluck().all()).toEqual(['theirs']);
    expect(after.pragma('journal_mode', { simple: true })).toBe('delete');
    after.close();
  });

  it('a newer schema is refused, with the way out', async () => {
    await (await openStore({ dataFolder })).close();
    const db = connect(databaseFile());
    db.pragma('user_version = 999');
    db.close();
    await expect(openStore({ dataFolder })).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(/newer Longleaf/),
    });
  });

  it('text, a damaged page after a crash, a cut file: corrupt, with the newest backup named', async () => {
    const store = await openStore({ dataFolder });
    const { id } = await newConversation(store);
    await Promise.all(
      Array.from({ length: 400 }, (_, index) => say(store, id, `${String(index)} `.repeat(400))),
    );
    const backup = join(dataFolder, 'backups', (await store.backup('manual')).name);
    await store.close();
    const whole = join(dataFolder, 'whole.db');
    await copyFile(databaseFile(), whole);
    const expected = {
      code: 'corrupt',
      hint: expect.stringContaining(backup),
      message: expect.stringContaining('longleaf.db'),
    };

    await writeFile(databaseFile(), 'this is no database '.repeat(500));
    await expect(openStore({ dataFolder })).rejects.toMatchObject(expected);

    await copyFile(whole, databaseFile());
    const db = connect(databaseFile());
    db.exec(`UPDATE marks SET value = 0 WHERE key = 'clean_shutdown'`);
    db.close();
    const handle = await open(databaseFile(), 'r+');
    for (let page = 20; page < 30; page++) await handle.write(Buffer.alloc(4096, 0xa5), 0, 4096, page * 4096);
    await handle.close();
    await expect(openStore({ dataFolder })).rejects.toMatchObject(expected);

    // the way back that the hint names
    await copyFile(backup, databaseFile());
    const restored = await openStore({ dataFolder });
    expect(await restored.messages(id)).toHaveLength(400);
    await restored.close();
  });

  it("a folder that can't be made, a second process that writes", async () => {
    await writeFile(join(dataFolder, 'file'), '');
    await expect(openStore({ dataFolder: join(dataFolder, 'file', 'below') })).rejects.toMatchObject({
      code: 'internal',
    });
    const store = await openStore({ dataFolder });
    const other = connect(databaseFile());
    other.exec('BEGIN IMMEDIATE');
    await expect(newConversation(store)).rejects.toMatchObject({ code: 'busy' });
    other.exec('ROLLBACK');
    other.close();
    expect(await newConversation(store)).toMatchObject({ title: 'A talk' });
    await store.close();
  }, 30_000);
});

describe('a full disk', () => {
  function smallStore(): { db: Db; executor: Executor; id: ConversationId; released: () => number } {
    const paths = databasePaths(dataFolder);
    const db = openDatabase(paths);
    const store = createSyncStore(db, paths);
    const { id } = store.createConversation({ title: 'full', libraryId: null, systemPrompt: '' });
    const pages = Number(db.pragma('page_count', { simple: true }));
    db.pragma(`max_page_count = ${String(pages + 8)}`);
    let releases = 0;
    const executor = new Executor({
      db,
      store,
      classify: (error) => classifyError(error, paths.file, null),
      // as if the reserve's room went to the database
      releaseReserve: () => {
        if (releases++ > 0) return false;
        db.pragma(`max_page_count = ${String(pages + 40)}`);
        return true;
      },
    });
    return { db, executor, id, released: () => releases };
  }
  const message = (id: ConversationId, content: string) =>
    [{ conversationId: id, parentId: null, role: 'user', content, status: 'done' }] as const;

  it('is said with the remedy; the reserve saves one more message; nothing saved is lost', () => {
    const { db, executor, id, released } = smallStore();
    const large = 'x'.repeat(60_000);
    const calls = [
      { id: 1, method: 'addMessage', args: message(id, 'small') },
      { id: 2, method: 'addMessage', args: message(id, large) },
      { id: 3, method: 'addMessage', args: message(id, large.repeat(20)) },
      { id: 4, method: 'addMessage', args: message(id, 'small again') },
      { id: 5, method: 'setSetting', args: ['k', large.repeat(20)] },
      { id: 6, method: 'messages', args: [id] },
    ] as const;
    const replies = executor.run(calls);
    expect(replies.map((reply) => (reply.kind === 'error' ? reply.error.code : reply.kind))).toEqual([
      'value',
      'value',
      'disk-full',
      'value',
      'disk-full',
      'value',
    ]);
    expect(released()).toBe(2);
    const failed = replies[2];
    expect(failed?.kind === 'error' ? failed.error.hint : '').toMatch(/Free some space/);
    const listed = replies[5];
    expect(listed?.kind === 'value' ? listed.value : null).toMatchObject([
      { content: 'small' },
      { content: large },
      { content: 'small again' },
    ]);
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    closeDatabase(db);
  });

  it('what the user wrote uses the reserve: a draft, a folder; settings are refused whole', () => {
    const { db, executor, id, released } = smallStore();
    const large = 'x'.repeat(60_000);
    const replies = executor.run([
      { id: 1, method: 'updateConversation', args: [id, { draft: large }] },
      {
        id: 2,
        method: 'setSettings',
        args: [
          new Map([
            ['a', '1'],
            ['b', large.repeat(20)],
          ]),
        ],
      },
      { id: 3, method: 'settings', args: [['a', 'b']] },
      { id: 4, method: 'createFolder', args: ['Sea'] },
      { id: 5, method: 'addMessage', args: [{ ...message(id, 'asked')[0], clearsDraft: true }] },
      { id: 6, method: 'conversation', args: [id] },
    ]);
    expect(replies).toMatchObject([
      { value: { draft: large } },
      { kind: 'error', error: { code: 'disk-full' } },
      { value: new Map() },
      { value: { name: 'Sea' } },
      { value: { content: 'asked' } },
      { value: { draft: '', title: 'full' } },
    ]);
    expect(released()).toBe(1);
    closeDatabase(db);
  });

  it('a document that does not fit leaves no trace', () => {
    const { db, executor, id } = smallStore();
    const hash = 'a'.repeat(64);
    const document = {
      hash,
      kind: 'text',
      title: null,
      text: 'word '.repeat(200_000),
      sections: [],
      outcome: 'read',
      reason: null,
      extractorVersion: 1,
    };
    const replies = executor.run([
      { id: 1, method: 'putDocument', args: [document, []] },
      { id: 2, method: 'hasDocument', args: [hash, 1] },
      { id: 3, method: 'conversation', args: [id] },
    ]);
    expect(replies).toMatchObject([
      { kind: 'error', error: { code: 'disk-full' } },
      { value: false },
      { value: { title: 'full' } },
    ]);
    closeDatabase(db);
  });

  it('the reserve is written once, given up once', async () => {
    const file = join(dataFolder, 'longleaf.reserve');
    ensureReserve(file);
    expect((await stat(file)).size).toBe(reserveBytes);
    expect([releaseReserve(file), releaseReserve(file), existsSync(file)]).toEqual([true, false, false]);
    ensureReserve(join(dataFolder, 'no', 'such', 'folder'));
  });
});

describe('migrations', () => {
  const known = migrations.length;
  const next: Migration = {
    version: known + 1,
    name: 'next',
    up: (db) =>
      db.exec(`ALTER TABLE conversations ADD COLUMN colour TEXT; UPDATE conversations SET colour = 'old'`),
  };
  const options = (steps: readonly Migration[]) => ({ ...databasePaths(dataFolder), migrations: steps });

  it('are numbered from 1 without gaps', () => {
    expect(migrations.map((step) => step.version)).toEqual(migrations.map((_, index) => index + 1));
  });

  it('upgrade real rows, after a verified backup of the old file', async () => {
    const store = await openStore({ dataFolder });
    const { id } = await newConversation(store, 'kept');
    await say(store, id, 'hello');
    await store.close();
    const db = openDatabase(options([...migrations, next]));
    expect(db.prepare('SELECT title, colour FROM conversations').all()).toEqual([
      { title: 'kept', colour: 'old' },
    ]);
    expect(db.pragma('user_version', { simple: true })).toBe(known + 1);
    closeDatabase(db);
    const [backup] = await readdir(join(dataFolder, 'backups'));
    expect(backup).toMatch(new RegExp(`before-v${String(known + 1)}\\.db$`));
    await mkdir(join(dataFolder, 'older'));
    await copyFile(join(dataFolder, 'backups', backup ?? ''), join(dataFolder, 'older', 'longleaf.db'));
    const older = await openStore({ dataFolder: join(dataFolder, 'older') });
    expect((await older.conversation(id))?.title).toBe('kept');
    await older.close();
  });

  it('one that fails, or breaks references, leaves the schema before it', async () => {
    await (await openStore({ dataFolder })).close();
    const failing: Migration = {
      ...next,
      up: (db) => db.exec('CREATE TABLE half (x); SELECT * FROM nowhere'),
    };
    const breaking: Migration = {
      ...next,
      up: (db) =>
        db.exec(
          `PRAGMA defer_foreign_keys = ON; INSERT INTO jobs VALUES ('j', 1, 'add', 'none', 'done', '', '')`,
        ),
    };
    for (const step of [failing, breaking])
      expect(() => openDatabase(options([...migrations, step]))).toThrow();
    const db = openDatabase(options(migrations));
    expect(db.pragma('user_version', { simple: true })).toBe(known);
    expect(db.prepare(`SELECT count(*) FROM sqlite_schema WHERE name = 'half'`).pluck().get()).toBe(0);
    expect(db.prepare('SELECT count(*) FROM jobs').pluck().get()).toBe(0);
    closeDatabase(db);
  });

  it('the settings that durability needs are on', () => {
    const db = openDatabase(databasePaths(dataFolder));
    const value = (name: string): unknown => db.pragma(name, { simple: true });
    expect([
      value('journal_mode'),
      value('synchronous'),
      value('foreign_keys'),
      value('trusted_schema'),
      value('cell_size_check'),
    ]).toEqual(['wal', 2, 1, 0, 1]);
    closeDatabase(db);
  });
});

describe('ids', () => {
  it('rise, also when the clock stands or goes back', () => {
    const ids = [newId(1_000), newId(1_000), newId(500), ...Array.from({ length: 1000 }, () => newId())];
    expect(ids).toEqual([...ids].sort());
    expect(new Set(ids).size).toBe(ids.length);
    for (const id of ids) expect(id).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
  });
});
