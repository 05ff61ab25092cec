import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ImportReport } from '../../../shared/rpc/index.ts';
import { StoreFixture } from '../../store/store.fixture.ts';
import { branchOf } from '../exports/index.ts';
import { chatgpt, claude, importText, mapping, node, openWebui, zipOf } from './foreign.fixture.ts';
import { readConversation } from './index.ts';

const fixture = new StoreFixture();
beforeEach(() => fixture.open());
afterEach(() => fixture.close());

const importValue = (value: unknown): Promise<ImportReport> => importText(fixture, JSON.stringify(value));

/** what is shown of the first conversation */
async function shown(report: ImportReport): Promise<string[]> {
  const conversation = report.conversations[0]?.conversation;
  if (conversation === undefined) throw new Error(`Nothing was imported: ${JSON.stringify(report.failed)}`);
  const messages = await fixture.store.messages(conversation.id);
  return branchOf(messages, conversation.currentId).map(({ role, content }) => `${role}: ${content}`);
}
describe('ChatGPT', () => {
  it('walks the tree: branches kept, steps of an answer joined, pictures named', async () => {
    const report = await importValue([chatgpt]);
    expect(report).toMatchObject({ from: 'chatgpt', unchanged: 0, failed: [] });
    expect(await shown(report)).toEqual([
      'user: What is a whale?',
      'assistant: ```\nprint(1)\n```\n\n```\n1\n```\n\nA mammal.',
      'user: [image asset pointer]\n\nAnd this?',
    ]);
    const { conversation } = report.conversations[0] ?? { conversation: null };
    expect(conversation).toMatchObject({
      title: 'About whales',
      createdAt: '2023-11-14T22:13:20.250Z',
      updatedAt: '2023-11-14T22:28:20.000Z',
    });
    const messages = await fixture.store.messages(conversation?.id ?? ('' as never));
    expect(messages.map(({ content }) => content)).toContain('A fish.');
    expect(messages.filter(({ role }) => role === 'assistant').every(({ model }) => model === 'gpt-x')).toBe(
      true,
    );
    const question = messages.find(({ content }) => content === 'What is a whale?');
    expect(messages.filter(({ parentId }) => parentId === question?.id)).toHaveLength(2);
  });

  it('reads the parts of newer exports, in a ZIP with other files', async () => {
    const bytes = await zipOf({
      'export/conversations-000.json': JSON.stringify([chatgpt]),
      'export/conversations-001.json': JSON.stringify([
        { ...chatgpt, id: 'cg-2', conversation_id: 'cg-2', title: 'Two' },
      ]),
      'export/user.json': '{"id":"x"}',
      'export/chat.html': '<script>',
    });
    const report = await importText(fixture, bytes, 'export.zip');
    expect(report.conversations.map((one) => one.conversation.title)).toEqual(['About whales', 'Two']);
  });

  it('imported again makes no copy; what changed there is new here', async () => {
    await importValue([chatgpt]);
    expect(await importValue([chatgpt])).toMatchObject({ conversations: [], unchanged: 1 });
    const grown = {
      ...chatgpt,
      mapping: { ...chatgpt.mapping, n9: node('n9', 'n8', 'assistant', 'A picture.') },
      current_node: 'n9',
    };
    expect((await importValue([grown])).conversations).toHaveLength(1);
    const listed = await fixture.store.conversations({ limit: 10, offset: 0, trashed: false });
    expect(listed.map(({ messages }) => messages)).toEqual([5]);
  });

  it('survives loops, missing parents and a root that is a message', async () => {
    const looped = {
      title: 'Loop',
      current_node: 'a1',
      mapping: mapping(
        node('a1', 'a3', 'user', 'one'),
        node('a2', 'a1', 'assistant', 'two'),
        node('a3', 'a2', 'user', 'three'),
        node('a4', 'gone', 'user', 'four'),
        node('a5', 'a5', 'user', 'five'),
      ),
    };
    const report = await importValue(looped);
    const id = report.conversations[0]?.conversation.id;
    const messages = await fixture.store.messages(id ?? ('' as never));
    expect(messages.map(({ content }) => content).sort()).toEqual(['five', 'four', 'one', 'three', 'two']);
  });

  it('a chain of 20,000 messages is no deep recursion', async () => {
    const nodes = Array.from({ length: 20_000 }, (_, index) =>
      node(
        `n${String(index)}`,
        index === 0 ? null : `n${String(index - 1)}`,
        index % 2 === 0 ? 'user' : 'assistant',
        'x',
      ),
    );
    const { tree } = readConversation('chatgpt', {
      ...chatgpt,
      current_node: 'n19999',
      mapping: mapping(...nodes.reverse()),
    });
    expect(branchOf(tree.messages, tree.conversation.currentId)).toHaveLength(20_000);
  });
});

describe('Claude', () => {
  it('reads the flat list, and files by their names', async () => {
    const report = await importValue([claude]);
    expect(report.from).toBe('claude');
    expect(await shown(report)).toEqual(['user: Name a ship.\n\n[file: list.txt]', 'assistant: The Pequod.']);
  });

  it('honours parents and the leaf that is shown', async () => {
    const root = '00000000-0000-4000-8000-000000000000';
    const text = (uuid: string, sender: string, parent: string) => ({
      uuid,
      sender,
      text: uuid,
      parent_message_uuid: parent,
    });
    const report = await importValue([
      {
        ...claude,
        current_leaf_message_uuid: 'b',
        chat_messages: [text('a', 'human', root), text('b', 'assistant', 'a'), text('c', 'assistant', 'a')],
      },
    ]);
    expect(await shown(report)).toEqual(['user: a', 'assistant: b']);
    expect(report.conversations[0]?.messages).toBe(3);
  });
});

describe('Open WebUI', () => {
  it('reads tree, system prompt and pin; an answer that was not done is interrupted', async () => {
    const report = await importValue([openWebui]);
    expect(report.from).toBe('open-webui');
    expect(await shown(report)).toEqual(['user: Sails?', 'assistant: Fo']);
    const { conversation } = report.conversations[0] ?? {};
    expect(conversation).toMatchObject({ pinned: true, systemPrompt: 'Be brief.', title: 'Rigging' });
    const messages = await fixture.store.messages(conversation?.id ?? ('' as never));
    expect(messages.find(({ content }) => content === 'Fo')?.status).toBe('interrupted');
  });

  it('reads a chat without its cover, once', async () => {
    expect(await shown(await importValue([openWebui.chat]))).toHaveLength(2);
    expect(await importValue([openWebui.chat])).toMatchObject({ conversations: [], unchanged: 1 });
  });
});
