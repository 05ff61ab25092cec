/** Conversations, folders, trash, settings, events and backups through the contract, over the whole app. */
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Conversation, ConversationId } from '../../shared/model/index.ts';
import type { AppEvent, Args, Result, UnaryMethod } from '../../shared/rpc/index.ts';
import { defaultSettings } from '../../shared/rpc/index.ts';
import { openStore } from '../store/index.ts';
import type { TestApp } from './app.fixture.ts';
import { never, openTestApp } from './app.fixture.ts';
import { openApp } from './open-app.ts';

let test: TestApp;
const short = { maxTokens: 3 };

beforeEach(async () => {
  test = await openTestApp();
});
afterEach(async () => {
  await test.close();
});

/** calls a use case; its arguments are as the door would hand them on */
function call<M extends Exclude<UnaryMethod, 'app.info'>>(method: M, args: Args<M>): Promise<Result<M>> {
  const handler = test.app().handlers[method] as (
    args: Args<M>,
    context: { signal: AbortSignal },
  ) => Promise<Result<M>>;
  return handler(args, { signal: never });
}
const listed = async (): Promise<readonly string[]> =>
  (await call('conversations.list', {})).map(({ conversation }) => conversation.title);
const get = async (id: ConversationId): Promise<Conversation> =>
  (await call('conversations.show', { id })).conversation;

describe('a conversation', () => {
  it('is made empty, listed once there is something in it, titled by its first question', async () => {
    const { id } = await call('conversations.create', {});
    expect(await listed()).toEqual([]);
    await call('conversations.change', { id, draft: 'What **is**' });
    expect(await listed()).toEqual(['']);
    await test.ask({ conversation: id, question: 'What **is** it?\nSay.', sampling: short });
    expect(await get(id)).toMatchObject({ title: 'What is it?', draft: '' });
    await test.ask({ conversation: id, question: 'And then?', sampling: short });
    expect(await listed()).toEqual(['What is it?']);
    expect((await call('conversations.list', {}))[0]).toMatchObject({ messages: 4, library: null });
  });

  it("keeps the user's title, and a draft that was not what was asked", async () => {
    const { id } = await call('conversations.create', {});
    await call('conversations.change', { id, title: 'Mine', draft: 'Something else' });
    await test.ask({ conversation: id, question: 'What is it?', sampling: short });
    expect(await get(id)).toMatchObject({ title: 'Mine', draft: 'Something else' });
  });

  it('chooses for itself: system prompt, parameters, model, plan; a call chooses above that', async () => {
    const other = join(test.folder, 'models', 'other.gguf');
    await copyFile(join(test.folder, 'models', 'tiny.gguf'), other);
    const { id } = await call('conversations.create', {});
    await call('settings.set', { patch: { 'chat.parameters': { seed: 5, topK: 9, maxTokens: 3 } } });
    const without = await test.ask({ conversation: id, question: 'One?' });
    await call('conversations.change', {
      id,
      systemPrompt: 'Answer like a whale. '.repeat(5),
      parameters: { topK: 7, maxTokens: 2 },
      model: other,
      plan: 'dense',
    });
    const own = await test.ask({ conversation: id, question: 'One?', parent: null });
    const called = await test.ask({
      conversation: id,
      question: 'One?',
      parent: null,
      sampling: { topK: 6, maxTokens: 1 },
      plan: 'window',
    });
    const { messages } = await call('conversations.show', { id });
    const made = messages.filter(({ role }) => role === 'assistant');
    expect(made.map(({ parameters }) => parameters)).toMatchObject([
      { seed: 5, topK: 9, maxTokens: 3 },
      { seed: 5, topK: 7, maxTokens: 2 },
      { seed: 5, topK: 6, maxTokens: 1 },
    ]);
    expect(made.map(({ model, plan }) => [model, plan])).toEqual([
      ['tiny', 'window'],
      ['other', 'dense'],
      ['other', 'window'],
    ]);
    const read = ({ answer }: typeof own): number =>
      answer.receipt.read + answer.receipt.reused + answer.receipt.overhead;
    expect(read(own)).toBeGreaterThan(read(without) + 80);
    expect(read(called)).toBe(read(own));
    await call('conversations.change', { id, parameters: null, model: null, plan: null, systemPrompt: '' });
    expect(await get(id)).toMatchObject({ parameters: null, model: null, plan: null });
  });

  it("the app's own system prompt stands where a conversation has none", async () => {
    const plain = await test.ask({ question: 'One?', sampling: short });
    await call('settings.set', { patch: { 'chat.systemPrompt': 'Answer like a whale. '.repeat(5) } });
    const prompted = await test.ask({ question: 'One?', sampling: short });
    expect(prompted.answer.receipt.overhead + prompted.answer.receipt.read).toBeGreaterThan(
      plain.answer.receipt.overhead + plain.answer.receipt.read + 80,
    );
  });

  it('has the library that it was given first; another one is refused once something was asked', async () => {
    await test.write({ 'a.txt': 'The lamp is lit at dusk.' });
    await test.add({ name: 'coast' });
    await test.add({ name: 'other' });
    const { id, libraryId } = await call('conversations.create', { library: 'other' });
    expect(libraryId).not.toBeNull();
    await call('conversations.change', { id, library: null });
    await call('conversations.change', { id, library: 'coast' });
    await test.ask({ conversation: id, question: 'When is the lamp lit?', sampling: short });
    expect(await call('conversations.show', { id })).toMatchObject({ library: 'coast' });
    expect((await call('conversations.list', {}))[0]?.library).toBe('coast');
    await expect(call('conversations.change', { id, library: 'other' })).rejects.toMatchObject({
      code: 'conflict',
    });
    await call('conversations.change', { id, library: 'coast', pinned: true });
    await expect(call('conversations.create', { library: 'none' })).rejects.toMatchObject({
      code: 'not-found',
    });
  });

  it('shows the branch of any of its messages', async () => {
    const first = await test.ask({ question: 'One?', sampling: short });
    const id = first.answer.conversationId;
    const edited = await test.ask({ conversation: id, question: 'Two?', parent: null, sampling: short });
    const { branch, messages } = await call('conversations.show', { id });
    expect(branch.map(({ id: message }) => message)).toContain(edited.answer.messageId);
    const question = messages[0];
    expect(question?.content).toBe('One?');
    if (question === undefined) return;
    const shown = await call('conversations.change', { id, shown: question.id });
    expect(shown.currentId).toBe(first.answer.messageId);
  });

  it('is shown with as much as is wanted', async () => {
    await test.write({ 'a.txt': 'The lamp is lit at dusk.' });
    await test.add({ name: 'coast' });
    const args = { question: 'When is the lamp lit?', library: 'coast', state: false, sampling: short };
    const id = (await test.ask(args)).answer.conversationId;
    const all = await call('conversations.show', { id });
    expect(all.branch).toEqual(all.messages);
    expect(all.messages[0]?.passagesText).toContain('The lamp is lit at dusk.');
    const { passagesText: _, ...question } = all.messages[0] ?? {};
    const tree = await call('conversations.show', { id, messages: 'tree' });
    expect(tree).toEqual({ ...all, branch: [], messages: [question, all.messages[1]] });
    expect(tree.messageCount).toBe(2);
    expect(await call('conversations.show', { id, messages: 'latest' })).toEqual(tree);
    const none = await call('conversations.show', { id, messages: 'none' });
    expect(none).toEqual({ ...all, branch: [], messages: [] });
  });

  it('what can not begin stays in view, with its question; a stop before the beginning too', async () => {
    const { id } = await call('conversations.create', {});
    const nowhere = join(test.folder, 'nowhere');
    await expect(
      test.ask({ conversation: id, question: 'One?', add: [nowhere], sampling: short }),
    ).rejects.toMatchObject({ code: 'not-found' });
    const { branch } = await call('conversations.show', { id });
    expect(branch.map(({ content, status }) => [content, status])).toEqual([
      ['One?', 'done'],
      ['', 'failed'],
    ]);
  });

  it('tokens of a text are counted with the tokenizer that would read it', async () => {
    expect(await call('chat.count', { text: 'abcde' })).toEqual({ tokens: 5 });
  });
});

describe('folders', () => {
  it('hold conversations, and go without them', async () => {
    const folder = await call('folders.create', { name: 'Sea' });
    const { id } = await call('conversations.create', { folder: folder.id });
    await call('conversations.change', { id, title: 'Whales' });
    expect(await call('folders.rename', { id: folder.id, name: 'Ocean' })).toMatchObject({ name: 'Ocean' });
    expect((await get(id)).folderId).toBe(folder.id);
    await call('folders.remove', { id: folder.id });
    expect(await call('folders.list', {})).toEqual([]);
    expect((await get(id)).folderId).toBeNull();
  });
});

describe('the trash', () => {
  it('gives back, and after a purge nothing is left, attachments included', async () => {
    await test.write({ 'a.txt': 'The lamp is lit at dusk.' });
    const asked = await test.ask({
      question: 'When?',
      add: [join(test.folder, 'files')],
      sampling: short,
    });
    const id = asked.answer.conversationId;
    await expect(call('conversations.purge', { id })).rejects.toMatchObject({ code: 'conflict' });
    await call('conversations.delete', { id });
    expect(await listed()).toEqual([]);
    expect(await call('conversations.list', { trashed: true })).toHaveLength(1);
    await expect(test.ask({ conversation: id, question: 'Now?' })).rejects.toMatchObject({
      code: 'conflict',
    });
    expect(await call('conversations.restore', { id })).toMatchObject({ id, deletedAt: null });
    await call('conversations.delete', { id });
    expect(await call('conversations.purge', {})).toEqual({ purged: 1 });
    expect(await call('conversations.purge', {})).toEqual({ purged: 0 });
    await expect(get(id)).rejects.toMatchObject({ code: 'not-found' });
    await test.app().close();
    const store = await openStore({ dataFolder: test.folder });
    expect(await store.libraries()).toEqual([]);
    await store.close();
    await test.reopen();
  });

  it('is emptied of what is older than 30 days at the next start', async () => {
    const make = async (title: string): Promise<ConversationId> => {
      const { id } = await call('conversations.create', {});
      await call('conversations.change', { id, title });
      await call('conversations.delete', { id });
      return id;
    };
    const [old] = [await make('old'), await make('new')];
    await test.app().close();
    await changeDates(test.folder, old);
    await test.reopen();
    await until(async () => (await call('conversations.list', { trashed: true })).length === 1);
    const [left] = await call('conversations.list', { trashed: true });
    expect(left?.conversation.title).toBe('new');
  });
});

describe('settings', () => {
  it('are the defaults until they are set, and stay set', async () => {
    expect(await call('settings.get', {})).toEqual(defaultSettings);
    const changed = await call('settings.set', {
      patch: { 'appearance.theme': 'dark', 'state.maxDiskGB': 5, 'keyboard.shortcuts': { send: 'Enter' } },
    });
    const wanted = {
      ...defaultSettings,
      'appearance.theme': 'dark',
      'state.maxDiskGB': 5,
      'keyboard.shortcuts': { send: 'Enter' },
    };
    expect(changed).toEqual(wanted);
    await test.reopen();
    expect(await call('settings.get', {})).toEqual(wanted);
  });

  it('files that are larger than allowed are refused from the next scan on', async () => {
    await test.write({ 'big.txt': 'The lamp is lit at dusk. '.repeat(60_000) });
    expect((await test.add({ name: 'coast' })).counts).toMatchObject({ read: 1 });
    await call('settings.set', { patch: { 'ingest.maxFileMB': 1 } });
    const report = await test.add({ name: 'again' });
    expect(report.counts.read).toBe(0);
    expect(report.files[0]?.reason).toMatch(/large/);
  });

  it('the default model is the one that was set; one that is gone is named', async () => {
    await test.app().close();
    const app = await openApp({ dataFolder: test.folder, defaults: { backend: 'reference' } });
    const signal = never;
    const count = (): Promise<unknown> => app.handlers['chat.count']({ text: 'abc' }, { signal });
    await app.handlers['settings.set']({ patch: { 'models.default': 'gone' } }, { signal });
    await expect(count()).rejects.toMatchObject({
      code: 'model-missing',
      message: expect.stringContaining('gone'),
      hint: expect.stringContaining('tiny'),
    });
    await app.handlers['settings.set']({ patch: { 'models.default': 'tiny' } }, { signal });
    expect(await count()).toEqual({ tokens: 3 });
    await app.close();
    await test.reopen();
  });
});

describe('app.events', () => {
  it('says how things stand, then who is being answered and what changes', async () => {
    const stop = new AbortController();
    const told: AppEvent[] = [];
    const listening = (async () => {
      for await (const event of test.app().handlers['app.events']({}, { signal: stop.signal }))
        told.push(event);
    })();
    await until(() => Promise.resolve(told.length >= 2));
    expect(told).toEqual([
      { kind: 'settings', settings: defaultSettings },
      { kind: 'answering', conversations: [] },
    ]);
    const { answer } = await test.ask({ question: 'One?', sampling: short });
    await call('settings.set', { patch: { 'appearance.theme': 'dark' } });
    await until(() => Promise.resolve(told.at(-1)?.kind === 'settings'));
    stop.abort();
    await listening;
    const answering = told.flatMap((event) => (event.kind === 'answering' ? [event.conversations] : []));
    expect(answering).toEqual([[], [answer.conversationId], []]);
    expect(told.some(({ kind }) => kind === 'conversations')).toBe(true);
  });
});

describe('backups', () => {
  it('are made, listed, put back at the next start', async () => {
    const { id } = await call('conversations.create', {});
    await call('conversations.change', { id, title: 'before' });
    const backup = await call('backups.create', {});
    expect(await call('backups.list', {})).toEqual([backup]);
    await call('conversations.change', { id, title: 'after' });
    await expect(call('backups.restore', { name: '../longleaf.db' })).rejects.toMatchObject({
      code: 'not-found',
    });
    expect(await call('backups.restore', { name: backup.name })).toEqual({ atNextStart: true });
    expect(await listed()).toEqual(['after']);
    await test.reopen();
    expect(await listed()).toEqual(['before']);
    expect(await firstNote()).toMatch(/has been put back/);
    expect(await call('backups.list', {})).toHaveLength(2);
  });

  it('usage and hardware are told in numbers and words', async () => {
    const usage = await call('app.usage', {});
    expect(usage).toMatchObject({ folder: test.folder, backups: 0 });
    expect(usage.database).toBeGreaterThan(0);
    expect(usage.models).toBeGreaterThan(0);
    expect(usage.free).toBeGreaterThan(0);
    const hardware = await call('app.hardware', {});
    expect(hardware.cpu.features.length).toBeGreaterThan(0);
    expect(hardware.memoryMB.total).toBeGreaterThan(hardware.memoryMB.free);
    const [processor, ...graphics] = hardware.devices;
    expect(processor).toMatchObject({ backend: 'cpu', usable: true, reason: null });
    expect(graphics.length).toBeGreaterThan(0);
    for (const { backend, usable, reason } of graphics)
      expect({ backend, isExplained: reason !== null }).toEqual({ backend: 'webgpu', isExplained: !usable });
    for (const name of ['longleaf', 'node', 'sqlite', 'onnxruntime'])
      expect(hardware.versions[name]).toMatch(/^\d+\.\d+\.\d+/);
  });
});

async function firstNote(): Promise<string | null> {
  const stop = new AbortController();
  for await (const event of test.app().handlers['app.events']({}, { signal: stop.signal }))
    if (event.kind === 'note') return event.text;
  return null;
}

/** As if that conversation had been deleted 31 days ago. */
async function changeDates(dataFolder: string, id: ConversationId): Promise<void> {
  const { connect } = await import('../store/database.ts');
  const db = connect(join(dataFolder, 'longleaf.db'));
  const then = new Date(Date.now() - 31 * 86_400_000).toISOString();
  db.prepare('UPDATE conversations SET deleted_at = ? WHERE id = ?').run(then, id);
  db.close();
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (await holds()) return;
    await sleep(25);
  }
  throw new Error('It did not come about.');
}
