/** Folders, pins, drafts, the trash, imports: what a list of conversations is made of. */
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Conversation, ConversationId, FolderId, Message, MessageId } from '../../shared/model/index.ts';
import { connect } from './database.ts';
import { StoreFixture, newConversation, say } from './store.fixture.ts';

const fixture = new StoreFixture();
beforeEach(() => fixture.open());
afterEach(() => fixture.close());

const titles = async (trashed = false): Promise<readonly string[]> =>
  (await fixture.store.conversations({ limit: 1000, offset: 0, trashed })).map(
    ({ conversation }) => conversation.title,
  );

describe('the list', () => {
  it('pinned first, then the latest; an unused chat is not in it, a draft is', async () => {
    const { store } = fixture;
    const [one, , three] = [
      await newConversation(store, 'one'),
      await newConversation(store, 'two'),
      await newConversation(store, 'three'),
    ];
    const unused = await newConversation(store, '');
    expect(await titles()).toEqual(['three', 'two', 'one']);
    await store.updateConversation(one.id, { pinned: true });
    await say(store, three.id, 'hello');
    expect(await titles()).toEqual(['one', 'three', 'two']);
    await store.updateConversation(unused.id, { draft: 'a beginning' });
    expect(await titles()).toEqual(['one', 'three', '', 'two']);
    expect(await store.conversation(unused.id)).toMatchObject({ draft: 'a beginning' });
  });

  it('everything of a conversation of its own survives a restart', async () => {
    const folder = await fixture.store.createFolder('Sea');
    const { id } = await newConversation(fixture.store);
    const changed = await fixture.store.updateConversation(id, {
      folderId: folder.id,
      pinned: true,
      draft: '\ud800 half',
      systemPrompt: 'Speak as a whale.',
      parameters: { temperature: 0.7, maxTokens: 9 },
      model: '/models/other.gguf',
      plan: 'adapted',
    });
    await fixture.reopen();
    expect(await fixture.store.conversation(id)).toEqual(changed);
  });

  it('200 conversations of 2,000 messages are listed with their counts in a moment', async () => {
    const { store } = fixture;
    const db = connect(join(fixture.dataFolder, 'longleaf.db'));
    const numbers = (count: number): string =>
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${String(count)})`;
    const date = `'2026-01-01T00:00:00.000Z'`;
    db.exec(`
      INSERT INTO conversations (id, activity, title, system_prompt, current_id, created_at, updated_at)
        ${numbers(200)} SELECT 'c' || i, i, 'chat ' || i, '', 'x', ${date}, ${date} FROM n;
      INSERT INTO messages (id, conversation_id, role, content, status, created_at)
        ${numbers(400_000)} SELECT 'm' || i, 'c' || (1 + i % 200), 'user', 'What is it?', 'done', ${date} FROM n;`);
    db.close();
    const started = process.cpuUsage();
    const listed = await store.conversations({ limit: 1000, offset: 0, trashed: false });
    const used = process.cpuUsage(started);
    console.log(`200 x 2,000 listed in ${String((used.user + used.system) / 1000)} processor ms`);
    expect(listed.filter((one) => one.messages === 2000)).toHaveLength(200);
    expect(used.user + used.system).toBeLessThan(250_000);
  }, 120_000);
});

describe('search', () => {
  it('finds a conversation by a title that none of its messages has, before what was said elsewhere', async () => {
    const { store } = fixture;
    const harbour = await newConversation(store, 'Plans for the Tarsk harbour');
    const first = await say(store, harbour.id, 'Where do the ships go?');
    const other = await newConversation(store, 'Other');
    const said = await say(store, other.id, 'The harbour of Tarsk lies in the north.');
    await newConversation(store, 'Tarsk harbour, nothing asked yet');
    const trashed = await newConversation(store, 'Tarsk harbour, deleted');
    await say(store, trashed.id, 'x');
    await store.trashConversation(trashed.id);
    const hits = await store.searchMessages('tarsk harb', 9);
    expect(hits.map(({ messageId }) => messageId)).toEqual([first.id, said.id]);
    expect(hits[0]?.snippet).toBe('Plans for the \u0001Tarsk\u0002 \u0001harbour\u0002');
    expect(await store.searchMessages('tarsk harb', 1)).toHaveLength(1);
    expect(await store.searchMessages('tarsk whale', 9)).toEqual([]);
    await say(store, harbour.id, 'To Tarsk harbour?', first.id);
    expect(await store.searchMessages('tarsk harbour', 9)).toHaveLength(2);
  });

  it('5,000 titles are looked through in a moment', async () => {
    const { store } = fixture;
    await Promise.all(
      Array.from({ length: 5000 }, async (_, index) => {
        const { id } = await newConversation(store, `Chat ${String(index)} about whales and their ways`);
        await say(store, id, 'hello');
      }),
    );
    await store.searchMessages('chat 17', 5);
    const started = process.cpuUsage();
    expect(await store.searchMessages('chat 4711', 5)).toHaveLength(1);
    const { user, system } = process.cpuUsage(started);
    console.log(`5,000 titles looked through in ${String((user + system) / 1000)} processor ms`);
    expect(user + system).toBeLessThan(150_000);
  }, 60_000);
});

describe('folders', () => {
  it('are made, renamed, removed; what was in one stays', async () => {
    const { store } = fixture;
    const [sea, land] = [await store.createFolder('Sea'), await store.createFolder('Land')];
    const { id } = await store.createConversation({
      title: 'x',
      libraryId: null,
      folderId: sea.id,
      systemPrompt: '',
    });
    expect(await store.renameFolder(sea.id, 'Ocean')).toMatchObject({ name: 'Ocean' });
    expect((await store.folders()).map(({ name }) => name)).toEqual(['Ocean', 'Land']);
    await store.removeFolder(sea.id);
    expect(await store.folders()).toEqual([land]);
    expect(await store.conversation(id)).toMatchObject({ folderId: null, title: 'x' });
  });

  it('misuse: a folder that is not there', async () => {
    const { store } = fixture;
    const none = 'none' as FolderId;
    const { id } = await newConversation(store);
    const missing = { code: 'not-found' };
    await expect(store.renameFolder(none, 'x')).rejects.toMatchObject(missing);
    await expect(store.removeFolder(none)).rejects.toMatchObject(missing);
    await expect(store.updateConversation(id, { folderId: none })).rejects.toMatchObject(missing);
  });
});

describe('branches', () => {
  it('showing a message shows the newest leaf below it', async () => {
    const { store } = fixture;
    const { id } = await newConversation(store);
    const question = await say(store, id, 'q');
    const first = await say(store, id, 'first', question.id);
    const second = await say(store, id, 'second', question.id);
    const below = await say(store, id, 'below first', first.id);
    expect((await store.conversation(id))?.currentId).toBe(below.id);
    expect((await store.showBranch(id, second.id)).currentId).toBe(second.id);
    expect((await store.showBranch(id, first.id)).currentId).toBe(below.id);
    expect((await store.showBranch(id, question.id)).currentId).toBe(below.id);
    const other = await newConversation(store);
    await expect(store.showBranch(other.id, first.id)).rejects.toMatchObject({ code: 'not-found' });
  });

  it('the draft goes when its question is stored, and only then', async () => {
    const { store } = fixture;
    const { id } = await newConversation(store);
    const draft = async (): Promise<string | undefined> => (await store.conversation(id))?.draft;
    await store.updateConversation(id, { draft: 'Who is' });
    await say(store, id, 'something else');
    expect(await draft()).toBe('Who is');
    const fields = { conversationId: id, parentId: null, role: 'user', status: 'done' } as const;
    await store.addMessage({ ...fields, content: 'Who is Ahab?', clearsDraft: true });
    expect(await draft()).toBe('');
  });
});

describe('the trash', () => {
  it('a purge takes messages, index and import key along, and only out of the trash', async () => {
    const { store } = fixture;
    const { id } = await newConversation(store);
    const question = await say(store, id, 'whale');
    await say(store, id, 'white whale', question.id);
    await expect(store.purgeConversation(id)).rejects.toMatchObject({ code: 'conflict' });
    await store.trashConversation(id);
    expect(await store.trashed()).toEqual([id]);
    expect(await store.trashed('2000-01-01T00:00:00.000Z')).toEqual([]);
    await store.purgeConversation(id);
    expect(await store.conversation(id)).toBeNull();
    expect(await titles(true)).toEqual([]);
    expect(await store.searchMessages('whale', 9)).toEqual([]);
    await expect(store.purgeConversation(id)).rejects.toMatchObject({ code: 'not-found' });
    expect((await store.health()).integrity).toBe('ok');
  });

  it('chats that nobody used are dropped; a draft or a message keeps them', async () => {
    const { store } = fixture;
    await newConversation(store, '').then(({ id }) => store.updateConversation(id, { systemPrompt: '' }));
    const drafted = await newConversation(store, '');
    await store.updateConversation(drafted.id, { draft: 'x', systemPrompt: '' });
    const asked = await store.createConversation({ title: '', libraryId: null, systemPrompt: '' });
    await say(store, asked.id, 'hello');
    expect(await store.dropEmptyConversations('2000-01-01T00:00:00.000Z')).toBe(0);
    expect(await store.dropEmptyConversations('2999-01-01T00:00:00.000Z')).toBe(1);
    expect(await store.conversation(drafted.id)).not.toBeNull();
    expect(await store.messages(asked.id)).toHaveLength(1);
  });
});

describe('imports', () => {
  const conversation: Conversation = {
    id: '01JDAAAAAAAAAAAAAAAAAAAAAA' as ConversationId,
    title: 'From elsewhere',
    libraryId: null,
    folderId: null,
    pinned: true,
    draft: 'unsent',
    systemPrompt: 'Be kind.',
    parameters: { temperature: 1 },
    model: null,
    plan: null,
    currentId: '01JDAAAAAAAAAAAAAAAAAAAAM2' as MessageId,
    createdAt: '2025-01-01T00:00:00.000Z',
    updatedAt: '2025-02-01T00:00:00.000Z',
    deletedAt: null,
  };
  const message = (id: string, parentId: string | null, content: string): Message => ({
    id: id as MessageId,
    conversationId: conversation.id,
    parentId: parentId as MessageId | null,
    role: parentId === null ? 'user' : 'assistant',
    content,
    status: 'done',
    createdAt: '2025-01-01T00:00:00.000Z',
  });
  const [m1, m2, m3] = ['1', '2', '3'].map((end) => `01JDAAAAAAAAAAAAAAAAAAAAM${end}`) as [
    string,
    string,
    string,
  ];
  const messages = [
    message(m1, null, 'Who?'),
    { ...message(m2, m1, 'Ahab'), model: 'm', citations: [], passagesText: 'p' },
    { ...message(m3, m1, 'Ishm'), status: 'running' as const },
  ];

  it('what is free and well-formed comes back equal; a second time it is a copy of its own', async () => {
    const { store } = fixture;
    expect(await store.importConversation({ conversation, messages, source: null })).toEqual(conversation);
    const found = await store.messages(conversation.id);
    expect(found).toEqual([messages[0], messages[1], { ...messages[2], status: 'interrupted' }]);
    expect(await store.searchMessages('Ahab', 5)).toHaveLength(1);
    const copy = await store.importConversation({ conversation, messages, source: null });
    expect(copy.id).not.toBe(conversation.id);
    expect(await store.messages(copy.id)).toHaveLength(3);
    const current = (await store.messages(copy.id)).find(({ id }) => id === copy.currentId);
    expect(current?.content).toBe('Ahab');
  });

  it('remembers where it came from until it is gone for good', async () => {
    const { store } = fixture;
    const source = { source: 'chatgpt', id: 'abc-1', hash: 'h1' };
    expect(await store.importedFrom(source)).toBeNull();
    const { id } = await store.importConversation({ conversation, messages, source });
    expect(await store.importedFrom(source)).toEqual({ conversationId: id, hash: 'h1' });
    const later = await store.importConversation({
      conversation,
      messages,
      source: { ...source, hash: 'h2' },
    });
    expect(await store.importedFrom(source)).toEqual({ conversationId: later.id, hash: 'h2' });
    await store.trashConversation(later.id);
    await store.purgeConversation(later.id);
    expect(await store.importedFrom(source)).toBeNull();
  });

  it('all or nothing; bad times and references are mended', async () => {
    const { store } = fixture;
    const wrong = [message(m2, m1, 'answer first'), message(m1, null, 'question')];
    const twice = [message(m1, null, 'a'), message(m1, null, 'b')];
    for (const bad of [wrong, twice])
      await expect(
        store.importConversation({ conversation, messages: bad, source: null }),
      ).rejects.toMatchObject({ code: 'invalid-input' });
    expect(await titles()).toEqual([]);
    const made = await store.importConversation({
      conversation: {
        ...conversation,
        id: '../../etc' as ConversationId,
        folderId: 'none' as FolderId,
        currentId: 'none' as MessageId,
        createdAt: 'yesterday',
        updatedAt: '9999-01-01T00:00:00.000Z',
      },
      messages,
      source: null,
    });
    expect(made.id).toMatch(/^[0-9A-Z]{26}$/);
    expect(made.folderId).toBeNull();
    expect(made.currentId).toBe(m3);
    for (const time of [made.createdAt, made.updatedAt])
      expect(Math.abs(Date.parse(time) - Date.now())).toBeLessThan(60_000);
  });

  it('comes after what is there; sorting puts everything in the order of its dates', async () => {
    const { store } = fixture;
    await newConversation(store, 'here');
    const of = (title: string, updatedAt: string) => ({
      conversation: { ...conversation, pinned: false, title, updatedAt },
      messages,
      source: null,
    });
    await store.importConversation(of('old', '2020-01-01T00:00:00.000Z'));
    await store.importConversation(of('newer', '2024-01-01T00:00:00.000Z'));
    expect(await titles()).toEqual(['here', 'old', 'newer']);
    await store.sortConversations();
    expect(await titles()).toEqual(['here', 'newer', 'old']);
    const late = await newConversation(store, 'late');
    await store.sortConversations();
    await store.sortConversations();
    expect(await titles()).toEqual(['late', 'here', 'newer', 'old']);
    await say(store, late.id, 'still on top');
    expect(await titles()).toEqual(['late', 'here', 'newer', 'old']);
  });
});
