import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { ConversationId, LibraryId, MessageId } from '../../shared/model/index.ts';
import { StoreFixture, newConversation, say } from './store.fixture.ts';

const fixture = new StoreFixture();
beforeEach(() => fixture.open());
afterEach(() => fixture.close());

describe('conversations', () => {
  it('misuse: unknown ids are refused with a code', async () => {
    const id = 'nobody' as ConversationId;
    expect(await fixture.store.conversation(id)).toBeNull();
    await expect(fixture.store.updateConversation(id, { title: 'x' })).rejects.toMatchObject({
      code: 'not-found',
    });
    await expect(fixture.store.trashConversation(id)).rejects.toMatchObject({ code: 'not-found' });
    await expect(fixture.store.restoreConversation(id)).rejects.toMatchObject({ code: 'not-found' });
    await expect(fixture.store.messages(id)).rejects.toMatchObject({ code: 'not-found' });
    await expect(say(fixture.store, id, 'hello')).rejects.toMatchObject({ code: 'not-found' });
    await expect(
      fixture.store.createConversation({ title: '', libraryId: 'none' as LibraryId, systemPrompt: '' }),
    ).rejects.toMatchObject({ code: 'not-found' });
    await expect(fixture.store.updateAnswer('none' as MessageId, { content: '' })).rejects.toMatchObject({
      code: 'not-found',
    });
    await expect(fixture.store.setPassagesText('none' as MessageId, '')).rejects.toMatchObject({
      code: 'not-found',
    });
  });

  it('a message of another conversation is neither parent nor current', async () => {
    const [one, other] = [await newConversation(fixture.store), await newConversation(fixture.store)];
    const message = await say(fixture.store, other.id, 'hi');
    await expect(say(fixture.store, one.id, 'hello', message.id)).rejects.toMatchObject({
      code: 'invalid-input',
    });
    await expect(fixture.store.updateConversation(one.id, { currentId: message.id })).rejects.toMatchObject({
      code: 'not-found',
    });
    expect(await fixture.store.messages(one.id)).toEqual([]);
  });

  it('creates, updates, lists by the latest message, survives a restart', async () => {
    const first = await newConversation(fixture.store, 'first');
    const second = await newConversation(fixture.store, 'second');
    const third = await newConversation(fixture.store, 'third');
    const ids = async (): Promise<string[]> =>
      (await fixture.store.conversations({ limit: 10, offset: 0, trashed: false })).map(
        ({ conversation }) => conversation.title,
      );
    expect(await ids()).toEqual(['third', 'second', 'first']);
    await say(fixture.store, first.id, 'up');
    expect(await ids()).toEqual(['first', 'third', 'second']);
    const renamed = await fixture.store.updateConversation(second.id, { title: 'zweite', systemPrompt: '' });
    expect(renamed).toMatchObject({ title: 'zweite', systemPrompt: '', libraryId: null });
    expect(await ids()).toEqual(['first', 'third', 'zweite']);
    expect(await fixture.store.conversations({ limit: 1, offset: 1, trashed: false })).toMatchObject([
      { conversation: { id: third.id } },
    ]);
    await fixture.reopen();
    expect(await ids()).toEqual(['first', 'third', 'zweite']);
    expect(await fixture.store.conversation(second.id)).toEqual(renamed);
  });

  it('trash and undo', async () => {
    const kept = await newConversation(fixture.store, 'kept');
    const gone = await newConversation(fixture.store, 'gone');
    await say(fixture.store, gone.id, 'whale');
    await fixture.store.trashConversation(gone.id);
    expect(await fixture.store.conversations({ limit: 9, offset: 0, trashed: false })).toMatchObject([
      { conversation: { id: kept.id } },
    ]);
    expect(await fixture.store.conversations({ limit: 9, offset: 0, trashed: true })).toMatchObject([
      { conversation: { id: gone.id } },
    ]);
    expect(await fixture.store.searchMessages('whale', 5)).toEqual([]);
    await fixture.store.restoreConversation(gone.id);
    expect((await fixture.store.conversation(gone.id))?.deletedAt).toBeNull();
    expect(await fixture.store.messages(gone.id)).toHaveLength(1);
    expect(await fixture.store.searchMessages('whale', 5)).toHaveLength(1);
  });
});

describe('messages', () => {
  it('keeps branches, the current message and everything of an answer', async () => {
    const { id } = await newConversation(fixture.store);
    const question = await say(fixture.store, id, 'What is the name of the ship?');
    await fixture.store.setPassagesText(question.id, 'CHAPTER 16. The Ship.');
    const answer = await fixture.store.addMessage({
      conversationId: id,
      parentId: question.id,
      role: 'assistant',
      content: '',
      status: 'running',
    });
    const counts = { offered: 10, reused: 4, read: 6, pending: 0, dropped: 0 };
    const fields = {
      content: 'The Pequod.',
      status: 'done',
      model: 'smollm2',
      backend: 'cpu',
      plan: 'window',
      parameters: {
        temperature: 0,
        topK: 0,
        topP: 1,
        minP: 0,
        repetitionPenalty: 1,
        repetitionWindow: 64,
        seed: 7,
        maxTokens: 20,
      },
      receipt: { ...counts, passages: 3, overhead: 2, exact: 10, sparse: 0, sources: [] },
      citations: [{ document: 'h', path: 'moby.epub', start: 3, end: 9, quote: 'Pequod' }],
    } as const;
    await fixture.store.updateAnswer(answer.id, fields);
    const edited = await say(fixture.store, id, 'And the captain?');
    await fixture.reopen();
    const messages = await fixture.store.messages(id);
    expect(messages.map((message) => message.id)).toEqual([question.id, answer.id, edited.id]);
    expect(messages[0]).toEqual({ ...question, passagesText: 'CHAPTER 16. The Ship.' });
    expect(messages[1]).toEqual({ ...answer, ...fields });
    expect((await fixture.store.conversation(id))?.currentId).toBe(edited.id);
  });

  it('of a long conversation, the end of the branch that is shown comes without the rest', async () => {
    const { id } = await newConversation(fixture.store);
    const latest = async (count: number) =>
      (await fixture.store.messages(id, { passagesText: false, latest: count })).map(
        ({ content }) => content,
      );
    expect(await latest(3)).toEqual([]);
    const first = await say(fixture.store, id, '1');
    const second = await say(fixture.store, id, '2', first.id);
    await say(fixture.store, id, '3, on a branch that is left', second.id);
    const other = await say(fixture.store, id, '3', second.id);
    await say(fixture.store, id, '4', other.id);
    expect(await latest(3)).toEqual(['2', '3', '4']);
    expect(await latest(9)).toEqual(['1', '2', '3', '4']);
    expect(await fixture.store.messageCount(id)).toBe(5);
  });

  it('text comes back equal: NUL, lone surrogates, emoji, 1 M characters', async () => {
    const texts = [
      '',
      'a\0b',
      '\ud800x\udc00',
      '👩‍👩‍👧',
      'é\u0301\u202e',
      'x'.repeat(1_000_000),
      '"; DROP TABLE messages;--',
    ];
    const { id } = await newConversation(fixture.store, '\udfff title');
    for (const text of texts) await say(fixture.store, id, text);
    expect((await fixture.store.messages(id)).map((message) => message.content)).toEqual(texts);
    expect((await fixture.store.conversation(id))?.title).toBe('\udfff title');
  });

  it('running answers left by a crash become interrupted, with what was saved', async () => {
    const { id } = await newConversation(fixture.store);
    const message = await fixture.store.addMessage({
      conversationId: id,
      parentId: null,
      role: 'assistant',
      content: 'The Peq',
      status: 'running',
    });
    expect(await fixture.store.searchMessages('Peq', 5)).toEqual([]);
    expect(await fixture.store.reapInterrupted()).toBe(1);
    expect(await fixture.store.reapInterrupted()).toBe(0);
    expect(await fixture.store.messages(id)).toMatchObject([
      { id: message.id, status: 'interrupted', content: 'The Peq' },
    ]);
    expect(await fixture.store.searchMessages('Peq', 5)).toHaveLength(1);
  });

  it('search: words, prefixes, Japanese, hostile text; matches are marked', async () => {
    const { id } = await newConversation(fixture.store, 'Whales');
    const whale = await say(
      fixture.store,
      id,
      'Call me Ishmael. The white whale swam before him, the monomaniac incarnation.',
    );
    const japanese = await say(fixture.store, id, '捕鯨船ピークォド号の船長はエイハブである。');
    const found = async (query: string): Promise<string[]> =>
      (await fixture.store.searchMessages(query, 10)).map((hit) => hit.messageId);
    expect(await found('whales WHITE')).toEqual([whale.id]);
    expect(await found('ishm')).toEqual([whale.id]);
    expect(await found('white elephant')).toEqual([]);
    expect(await found('エイハブ')).toEqual([japanese.id]);
    expect(await found('鯨')).toEqual([japanese.id]);
    expect(await found('鯨船')).toEqual([japanese.id]);
    expect(await found('鯨長')).toEqual([]);
    const [hit] = await fixture.store.searchMessages('whale', 1);
    expect(hit).toMatchObject({ conversationId: id, title: 'Whales' });
    expect(hit?.snippet).toContain('\u0001whale\u0002 swam');
    for (const hostile of [
      '"',
      '* OR *',
      'NEAR(a b)',
      "a' --",
      '\ud800',
      '\0',
      '',
      '   ',
      'a:b^2 -c',
      '('.repeat(999),
    ])
      await expect(fixture.store.searchMessages(hostile, 5)).resolves.toBeInstanceOf(Array);
  });
});
