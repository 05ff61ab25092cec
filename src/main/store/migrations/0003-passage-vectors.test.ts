import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, it } from 'vitest';

import type { VersionId } from '../../../shared/model/index.ts';
import { openStore } from '../index.ts';
import { closeDatabase, databasePaths, openDatabase } from '../open.ts';
import { initial } from './0001-initial.ts';
import { folders } from './0002-folders.ts';
import { passageVectors } from './0003-passage-vectors.ts';

let dataFolder: string;
beforeEach(async () => {
  dataFolder = await mkdtemp(join(tmpdir(), 'longleaf-migration-'));
});
afterEach(() => rm(dataFolder, { recursive: true, force: true }));

const version = 'V' as VersionId;
const text = 'Call me Ishmael. Some years ago.';

/** What version 2 wrote: a library with one document of two passages. */
function versionTwo(): void {
  const db = openDatabase({ ...databasePaths(dataFolder), migrations: [initial, folders] });
  db.exec(`
    INSERT INTO contents (id, hash) VALUES (1, '${'a'.repeat(64)}');
    INSERT INTO documents VALUES (1, 'text', NULL, 'read', NULL, 1, '[]');
    INSERT INTO document_texts VALUES (1, '${text}');
    INSERT INTO passages VALUES (7, 1, 0, 0, 17, 1, 1, 'One', '[]'), (8, 1, 1, 17, 32, 1, 1, 'One', '[]');
    INSERT INTO passage_index (rowid, terms) VALUES (7, 'call me ishmael '), (8, 'some year ago ');
    INSERT INTO libraries VALUES ('L', 1, 'moby', '["/books"]', 'auto', 'V', '2026-01-01T00:00:00.000Z');
    INSERT INTO versions VALUES ('V', 1, 'L', 1, '2026-01-01T00:00:00.000Z');
    INSERT INTO version_files VALUES ('V', 0, 'moby.txt', '/books/moby.txt', 'read', NULL, 32, 1, 1, 8, 'moby.txt');`);
  closeDatabase(db);
}

it('keeps what version 2 held; its passages wait for their points', async () => {
  versionTwo();
  const store = await openStore({ dataFolder });
  expect(await store.library('moby')).toMatchObject({ versionId: version });
  const hits = await store.searchPassages(version, { words: ['Ishmael'], identifiers: [] }, 5);
  expect(hits).toMatchObject([{ path: 'moby.txt', text: 'Call me Ishmael. ' }]);
  expect(await store.hasAllVectors(version)).toBe(false);
  expect(await store.passagesWithoutVector(version, 0, 5)).toEqual([
    { id: 7, path: 'moby.txt', section: 'One', text: 'Call me Ishmael. ' },
    { id: 8, path: 'moby.txt', section: 'One', text: 'Some years ago.' },
  ]);
  expect(await store.health()).toMatchObject({ integrity: 'ok' });
  await store.close();
  expect(await readdir(join(dataFolder, 'backups'))).toEqual([expect.stringMatching(/before-v4\.db$/)]);
});

it('undone in the middle, leaves version 2 as it was; the next start upgrades it', async () => {
  versionTwo();
  const killed = {
    ...passageVectors,
    up: (db: Parameters<typeof passageVectors.up>[0]) => {
      passageVectors.up(db);
      throw new Error('killed');
    },
  };
  expect(() =>
    openDatabase({ ...databasePaths(dataFolder), migrations: [initial, folders, killed] }),
  ).toThrow();
  const db = openDatabase({ ...databasePaths(dataFolder), migrations: [initial, folders] });
  expect(db.pragma('user_version', { simple: true })).toBe(2);
  expect(db.prepare('SELECT count(*) FROM passages').pluck().get()).toBe(2);
  closeDatabase(db);
  const store = await openStore({ dataFolder });
  expect(await store.passagesWithoutVector(version, 7, 5)).toHaveLength(1);
  await store.close();
});
