import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ConversationId } from '../../../shared/model/index.ts';
import type { ExportedFile } from '../../../shared/rpc/index.ts';
import { Archive } from '../../ingest/index.ts';
import { StoreFixture } from '../../store/store.fixture.ts';
import { exportConversations } from './index.ts';
import { conversation, whale } from './tree.fixture.ts';

const fixture = new StoreFixture();
beforeEach(() => fixture.open());
afterEach(() => fixture.close());

async function put(title: string): Promise<ConversationId> {
  const fields = conversation({ id: '' as ConversationId, title });
  const saved = await fixture.store.importConversation({
    conversation: fields,
    messages: whale.messages,
    source: null,
  });
  return saved.id;
}

async function namesIn({ content, encoding }: ExportedFile): Promise<{ names: string[]; archive: Archive }> {
  expect(encoding).toBe('base64');
  const archive = await Archive.open(Buffer.from(content, 'base64'));
  return { names: archive.names().sort(), archive };
}

describe('conversations.export', () => {
  it('one conversation is one file of its kind', async () => {
    const id = await put('A ship');
    for (const [format, mediaType, encoding, start] of [
      ['md', 'text/markdown', 'utf8', '---\n'],
      ['html', 'text/html', 'utf8', '<!doctype html>'],
      ['json', 'application/json', 'utf8', '{'],
      ['pdf', 'application/pdf', 'base64', '%PDF-'],
    ] as const) {
      const file = await exportConversations(fixture.store, { ids: [id], format });
      expect(file).toMatchObject({ fileName: `A ship 2026-01-02.${format}`, mediaType, encoding });
      expect(Buffer.from(file.content, encoding).toString('latin1').startsWith(start)).toBe(true);
    }
  });

  it.each(['md', 'html', 'pdf'] as const)('several as %s are a ZIP with a file each', async (format) => {
    for (const title of ['Ship', 'ship', '../evil', 'CON']) await put(title);
    const file = await exportConversations(fixture.store, { format });
    expect(file.mediaType).toBe('application/zip');
    expect(file.fileName).toMatch(/^Longleaf conversations \d{4}-\d\d-\d\d \w+\.zip$/);
    const { names, archive } = await namesIn(file);
    expect(names.map((name) => name.toLowerCase()).sort()).toEqual([
      `con_ 2026-01-02.${format}`,
      `evil 2026-01-02.${format}`,
      `ship 2026-01-02 (2).${format}`,
      `ship 2026-01-02.${format}`,
    ]);
    const [first = ''] = names;
    expect((await archive.read(first)).length).toBeGreaterThan(200);
  });

  it('a name that is asked for twice is exported once; one that is not there is named', async () => {
    const id = await put('A');
    const file = await exportConversations(fixture.store, { ids: [id, id], format: 'json' });
    expect((JSON.parse(file.content) as { conversations: unknown[] }).conversations).toHaveLength(1);
    await expect(
      exportConversations(fixture.store, { ids: ['gone' as ConversationId], format: 'md' }),
    ).rejects.toMatchObject({ name: 'AppError', code: 'not-found' });
  });

  it('nothing to export is said', async () => {
    await expect(exportConversations(fixture.store, { format: 'md' })).rejects.toMatchObject({
      code: 'not-found',
    });
  });

  it('redacts every format', async () => {
    await fixture.store.createLibrary({ name: 'ship', roots: ['/srv/secret place/ship'], read: 'never' });
    const id = await put('In /srv/secret place/ship/a.ts');
    for (const format of ['md', 'html', 'json'] as const) {
      const { content, fileName } = await exportConversations(fixture.store, {
        ids: [id],
        format,
        redact: true,
      });
      expect(content + fileName).not.toContain('secret');
      expect(content).toContain('In ship/a.ts');
    }
  });
});
