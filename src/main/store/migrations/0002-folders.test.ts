import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, it } from 'vitest';

import type { ConversationId } from '../../../shared/model/index.ts';
import { openStore } from '../index.ts';
import { closeDatabase, databasePaths, openDatabase } from '../open.ts';
import { initial } from './0001-initial.ts';
import { folders } from './0002-folders.ts';

let dataFolder: string;
beforeEach(async () => {
  dataFolder = await mkdtemp(join(tmpdir(), 'longleaf-migration-'));
});
afterEach(() => rm(dataFolder, { recursive: true, force: true }));

/** What version 1 wrote: a library, a conversation with a branch, one in the trash, text that is no UTF-16. */
function versionOne(): void {
  const db = openDatabase({ ...databasePaths(dataFolder), migrations: [initial] });
  const lone = Buffer.from('\ud800 title', 'utf16le');
  db.exec(`
    INSERT INTO libraries VALUES ('L', 1, 'moby', '["/books"]', 'auto', NULL, '2026-01-01T00:00:00.000Z');
    INSERT INTO conversations (id, activity, title, library_id, system_prompt, current_id, created_at, updated_at, deleted_at)
    VALUES ('A', 1, 'Whales', 'L', 'Be brief.', 'm3', '2026-01-01T00:00:00.000Z', '2026-01-02T00:00:00.000Z', NULL),
           ('B', 2, 'gone', NULL, '', NULL, '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', '2026-01-03T00:00:00.000Z');
    INSERT INTO messages (id, conversation_id, parent_id, role, content, status, created_at, model, parameters)
    VALUES ('m1', 'A', NULL, 'user', 'Who?', 'done', '2026-01-01T00:00:00.000Z', NULL, NULL),
           ('m2', 'A', 'm1', 'assistant', 'Ahab.', 'done', '2026-01-01T00:00:01.000Z', 'smollm2', '{"seed":7}'),
           ('m3', 'A', 'm1', 'assistant', 'Ishm', 'running', '2026-01-01T00:00:02.000Z', NULL, NULL);
    INSERT INTO settings VALUES ('model.hash./x', '1 2 abc');
    INSERT INTO jobs VALUES ('j', 1, 'add', 'L', 'running', '', '2026-01-01T00:00:00.000Z');`);
  db.prepare(
    `INSERT INTO conversations (id, activity, title, system_prompt, created_at, updated_at)
              VALUES ('C', 3, ?, '', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z')`,
  ).run(lone);
  closeDatabase(db);
}

const own = { folderId: null, pinned: false, draft: '', parameters: null, model: null, plan: null };

it('keeps every row of version 1, and gives it what is new', async () => {
  versionOne();
  const store = await openStore({ dataFolder });
  expect(await store.conversations({ limit: 9, offset: 0, trashed: false })).toMatchObject([
    { conversation: { id: 'C', title: '\ud800 title', ...own }, messages: 0, library: null },
    {
      conversation: { id: 'A', title: 'Whales', systemPrompt: 'Be brief.', currentId: 'm3', ...own },
      messages: 3,
      library: 'moby',
    },
  ]);
  expect(await store.conversations({ limit: 9, offset: 0, trashed: true })).toMatchObject([
    { conversation: { id: 'B', deletedAt: '2026-01-03T00:00:00.000Z', ...own } },
  ]);
  const id = 'A' as ConversationId;
  expect(await store.reapInterrupted()).toBe(1);
  expect(await store.messages(id)).toMatchObject([
    { id: 'm1', content: 'Who?' },
    { id: 'm2', model: 'smollm2', parameters: { seed: 7 } },
    { id: 'm3', status: 'interrupted' },
  ]);
  expect(await store.jobs()).toHaveLength(1);
  expect(await store.setting('model.hash./x')).toBe('1 2 abc');
  const folder = await store.createFolder('Sea');
  const changed = await store.updateConversation(id, { folderId: folder.id, pinned: true, draft: 'And' });
  expect(changed).toMatchObject({ folderId: folder.id, pinned: true, draft: 'And' });
  expect(await store.health()).toMatchObject({ integrity: 'ok' });
  await store.close();
  expect(await readdir(join(dataFolder, 'backups'))).toEqual([expect.stringMatching(/before-v4\.db$/)]);
});

it('undone in the middle, leaves version 1 as it was; the next start upgrades it', async () => {
  versionOne();
  const killed = {
    ...folders,
    up: (db: Parameters<typeof folders.up>[0]) => {
      folders.up(db);
      throw new Error('killed');
    },
  };
  expect(() => openDatabase({ ...databasePaths(dataFolder), migrations: [initial, killed] })).toThrow();
  const db = openDatabase({ ...databasePaths(dataFolder), migrations: [initial] });
  expect(db.pragma('user_version', { simple: true })).toBe(1);
  expect(db.prepare('SELECT count(*) FROM conversations').pluck().get()).toBe(3);
  closeDatabase(db);
  const store = await openStore({ dataFolder });
  expect(await store.folders()).toEqual([]);
  await store.close();
});
