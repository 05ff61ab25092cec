import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { ConversationId } from '../../shared/model/index.ts';
import { openStore } from './index.ts';
import { documentOf, StoreFixture, hashOf, libraryOf, newConversation, say } from './store.fixture.ts';

const fixture = new StoreFixture();
beforeEach(() => fixture.open());
afterEach(() => fixture.close());

describe('jobs, settings, backup, health, close', () => {
  it('jobs are upserted and come back in order', async () => {
    const { library } = await libraryOf(fixture.store, 'moby', []);
    const job = (id: string, state: 'running' | 'done') =>
      ({ id, kind: 'add', libraryId: library.id, state, detail: `{"id":"${id}"}` }) as const;
    await fixture.store.putJob(job('z', 'running'));
    await fixture.store.putJob(job('a', 'running'));
    await fixture.store.putJob(job('z', 'done'));
    await fixture.reopen();
    expect(await fixture.store.jobs()).toEqual([job('z', 'done'), job('a', 'running')]);
  });

  it('settings', async () => {
    expect(await fixture.store.setting('theme')).toBeNull();
    await fixture.store.setSetting('theme', 'dark');
    await fixture.store.setSetting('theme', 'light\ud800');
    await fixture.reopen();
    expect(await fixture.store.setting('theme')).toBe('light\ud800');
  });

  it('a backup opens as a store with everything in it; three are kept', async () => {
    const { id } = await newConversation(fixture.store, 'saved');
    const files = [];
    for (let count = 0; count < 4; count++) files.push((await fixture.store.backup('manual')).name);
    expect(await fixture.store.health()).toMatchObject({ integrity: 'ok', bytes: expect.any(Number) });
    expect(await readdir(join(fixture.dataFolder, 'backups'))).toHaveLength(3);
    const restored = join(fixture.dataFolder, 'restored');
    await mkdir(restored);
    await copyFile(join(fixture.dataFolder, 'backups', files.at(-1) ?? ''), join(restored, 'longleaf.db'));
    const copy = await openStore({ dataFolder: restored });
    expect((await copy.conversation(id))?.title).toBe('saved');
    await copy.close();
  });

  it('after close every call is refused, and close itself is harmless', async () => {
    await fixture.store.close();
    await fixture.store.close();
    await expect(fixture.store.libraries()).rejects.toMatchObject({ code: 'interrupted' });
  });

  it('calls made at once are answered in order, and one that fails does not take others with it', async () => {
    const { id } = await newConversation(fixture.store);
    const results = await Promise.allSettled(
      Array.from({ length: 300 }, (_, index) =>
        index % 10 === 7
          ? say(fixture.store, 'none' as ConversationId, 'x')
          : say(fixture.store, id, `message ${String(index)}`),
      ),
    );
    expect(results.filter((result) => result.status === 'rejected')).toHaveLength(30);
    const contents = (await fixture.store.messages(id)).map((message) => message.content);
    expect(contents).toHaveLength(270);
    expect(contents.slice(0, 3)).toEqual(['message 0', 'message 1', 'message 2']);
  });

  it(
    'indexes >= 3 MB of text a processor second, and lists 5,000 messages in under one',
    { timeout: 60_000 },
    async () => {
      const vocabulary = Array.from({ length: 20_000 }, () =>
        randomBytes(4).toString('hex').replace(/\d/g, 'o'),
      );
      const word = (index: number): string =>
        vocabulary[(index * 7919 + (index >> 3)) % vocabulary.length] ?? 'x';
      const parts = Array.from({ length: 3000 }, (_, part) =>
        Array.from({ length: 180 }, (_, index) => word(part * 180 + index)).join(' '),
      );
      const { document, passages } = documentOf(hashOf('9'), parts);
      const started = process.cpuUsage();
      await fixture.store.putDocument(document, passages);
      // processor time, so that what else the machine does makes no difference
      const used = process.cpuUsage(started);
      const seconds = (used.user + used.system) / 1e6;
      const speed = document.text.length / 1e6 / seconds;
      console.log(`putDocument: ${speed.toFixed(1)} MB a processor second`);
      expect(speed).toBeGreaterThan(3);
      const { id } = await newConversation(fixture.store);
      await Promise.all(
        Array.from({ length: 5000 }, (_, index) => say(fixture.store, id, `message ${String(index)}`)),
      );
      const listing = process.cpuUsage();
      expect(await fixture.store.messages(id)).toHaveLength(5000);
      expect(process.cpuUsage(listing).user / 1e6).toBeLessThan(1);
    },
  );
});
