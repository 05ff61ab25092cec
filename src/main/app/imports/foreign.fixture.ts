/** Small exports of other apps, in the shape that theirs have, and a way to import them. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { ZipFile } from 'yazl';
import type { ImportReport } from '../../../shared/rpc/index.ts';
import type { StoreFixture } from '../../store/store.fixture.ts';
import { importConversations } from './index.ts';

/** writes the text as a file and imports it */
export async function importText(
  fixture: StoreFixture,
  text: string | Buffer,
  name = 'conversations.json',
): Promise<ImportReport> {
  const file = join(fixture.dataFolder, name);
  await writeFile(file, text);
  return importConversations(fixture.store, file);
}

export async function zipOf(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const zip = new ZipFile();
  const bytes = buffer(zip.outputStream);
  for (const [name, text] of Object.entries(files)) zip.addBuffer(Buffer.from(text), name);
  zip.end();
  return bytes;
}

export const node = (
  id: string,
  parent: string | null,
  role: string | null,
  content: object | string,
  more: object = {},
) => ({
  id,
  parent,
  children: [],
  message:
    role === null
      ? null
      : {
          id,
          author: { role, name: null, metadata: {} },
          create_time: 1_700_000_000 + Number(id.replace(/\D/g, '') || 0),
          content: typeof content === 'string' ? { content_type: 'text', parts: [content] } : content,
          status: 'finished_successfully',
          end_turn: true,
          weight: 1,
          metadata: { model_slug: 'gpt-x' },
          recipient: 'all',
          ...more,
        },
});
export const mapping = (...nodes: { id: string }[]) => Object.fromEntries(nodes.map((one) => [one.id, one]));

export const chatgpt = {
  id: 'cg-1',
  conversation_id: 'cg-1',
  title: 'About whales',
  create_time: 1_700_000_000.25,
  update_time: 1_700_000_900,
  current_node: 'n8',
  default_model_slug: 'gpt-default',
  is_archived: false,
  mapping: mapping(
    node('root', null, null, ''),
    node('n1', 'root', 'system', ''),
    node('n2', 'n1', 'user', 'What is a whale?'),
    node('n3', 'n2', 'assistant', 'A fish.'),
    node('n4', 'n2', 'assistant', { content_type: 'thoughts', thoughts: [] }),
    node(
      'n5',
      'n4',
      'assistant',
      { content_type: 'code', language: 'python', text: 'print(1)' },
      { recipient: 'python' },
    ),
    node('n6', 'n5', 'tool', { content_type: 'execution_output', text: '1' }),
    node('n7', 'n6', 'assistant', 'A mammal.'),
    node('n8', 'n7', 'user', {
      content_type: 'multimodal_text',
      parts: [{ content_type: 'image_asset_pointer', asset_pointer: 'file-service://x' }, 'And this?'],
    }),
  ),
};

export const claude = {
  uuid: 'cl-1',
  name: 'Ships',
  created_at: '2025-03-01T10:00:00.000000Z',
  updated_at: '2025-03-02T10:00:00.000000Z',
  chat_messages: [
    {
      uuid: 'a',
      sender: 'human',
      text: 'Name a ship.',
      content: [{ type: 'text', text: 'Name a ship.' }],
      created_at: '2025-03-01T10:00:00Z',
      attachments: [{ file_name: 'list.txt', extracted_content: '…' }],
      files: [],
    },
    { uuid: 'b', sender: 'assistant', text: 'The Pequod.', content: [], created_at: '2025-03-01T10:00:05Z' },
  ],
};

export const openWebui = {
  id: 'ow-1',
  title: 'Rigging',
  pinned: true,
  folder_id: 'f',
  created_at: 1_700_000_000,
  updated_at: 1_700_000_100,
  meta: { tags: [] },
  chat: {
    title: 'Rigging',
    models: ['llama'],
    params: { system: 'Be brief.' },
    history: {
      currentId: 'd',
      messages: {
        a: {
          id: 'a',
          parentId: null,
          childrenIds: ['b', 'd'],
          role: 'user',
          content: 'Sails?',
          timestamp: 1_700_000_000,
        },
        b: {
          id: 'b',
          parentId: 'a',
          childrenIds: [],
          role: 'assistant',
          content: 'Many.',
          model: 'llama',
          done: true,
          timestamp: 1_700_000_010,
        },
        d: {
          id: 'd',
          parentId: 'a',
          childrenIds: [],
          role: 'assistant',
          content: 'Fo',
          model: 'llama',
          done: false,
          timestamp: 1_700_000_020,
        },
      },
    },
  },
};
