import { rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Receipt } from '../../shared/model/index.ts';
import type { LibraryEvent } from '../../shared/rpc/index.ts';
import type { TestApp } from './app.fixture.ts';
import { never, openTestApp, reportOf } from './app.fixture.ts';

let test: TestApp;
const short = { maxTokens: 4 };

beforeEach(async () => {
  test = await openTestApp();
});
afterEach(async () => {
  await test.close();
});

function expectAddsUp(receipt: Receipt): void {
  for (const counts of [receipt, ...receipt.sources])
    expect(counts.offered).toBe(counts.reused + counts.read + counts.pending + counts.dropped);
}

const BOOK = {
  'one.txt': 'The harbour of Tarsk lies in the north. Its keeper is called Ondra Vell.',
  'two.txt': 'The lamp of the lighthouse burns whale oil. It is lit at dusk.',
  'three.txt': 'Nobody has ever counted the steps of the tower.',
};

describe('a library', () => {
  it('is indexed once; the same paths again, and a touch, change nothing', async () => {
    await test.write(BOOK);
    const first = await test.add({ name: 'coast' });
    expect(first).toMatchObject({ added: 3, unchanged: 0, counts: { read: 3 }, state: null });
    expect(first.tokens).toBe(Object.values(BOOK).join('').length);
    const again = await test.add({ name: 'coast' });
    expect(again).toMatchObject({ added: 0, changed: 0, unchanged: 3, tokens: first.tokens });
    await utimes(join(test.folder, 'files', 'one.txt'), 1, 1);
    expect(await test.add({ name: 'coast' })).toMatchObject({ changed: 0, unchanged: 3 });
  });

  it('keeps the order of reading through changes, renames, removals and new files', async () => {
    const files = await test.write(BOOK);
    await test.add({ name: 'coast' });
    await writeFile(join(files, 'one.txt'), 'The harbour of Tarsk has silted up.');
    await rename(join(files, 'two.txt'), join(files, 'lamp.txt'));
    await rm(join(files, 'three.txt'));
    await test.write({ 'a-new.txt': 'A new file.' });
    const report = await test.add({ name: 'coast' });
    expect(report).toMatchObject({ added: 1, changed: 1, renamed: 1, removed: 1, unchanged: 0 });
    const { list } = await test.app().handlers['library.show']({ name: 'coast' }, { signal: never });
    const order = list.map(({ path, readAs }) => [path, readAs].map((one) => one.split('/').at(-1)));
    expect(order).toEqual([
      ['one.txt', 'one.txt'],
      ['lamp.txt', 'two.txt'],
      ['a-new.txt', 'a-new.txt'],
    ]);
  });

  it('says what it would do and changes nothing with preview', async () => {
    const paths = [await test.write({ ...BOOK, '.env': 'SECRET=1' })];
    const events = await Array.fromAsync(
      test.app().handlers['library.add']({ name: 'coast', paths, preview: true }, { signal: never }),
    );
    const last = events.at(-1);
    expect(last?.kind).toBe('preview');
    if (last?.kind === 'preview') {
      expect(last.preview).toMatchObject({ added: expect.any(Number), read: null, files: { toExtract: 3 } });
      expect(last.preview.leftOut.map(({ path }) => path.split('/').at(-1))).toEqual(['.env']);
    }
    expect(await test.app().handlers['library.list']({}, { signal: never })).toEqual([]);
  });

  it('refuses a path that is not there, and adds nothing', async () => {
    const add = test.add({ name: 'coast', paths: [join(test.folder, 'nowhere')] });
    await expect(add).rejects.toMatchObject({ code: 'not-found' });
    expect(await test.app().handlers['library.list']({}, { signal: never })).toEqual([]);
  });

  it('is read into a state once, from the checkpoint before a change, with equal checksums', async () => {
    const files = await test.write(BOOK);
    const first = await test.add({ name: 'coast', read: 'always' });
    expect(first.state).toMatchObject({ plan: 'adapted', reusedTokens: 0 });
    expect(first.state?.tokens).toBe(first.state?.libraryTokens);
    expect(first.state?.readTokens).toBe(first.state?.tokens);
    await test.reopen();
    const again = await test.add({ name: 'coast' });
    expect(again.state).toMatchObject({ readTokens: 0, checksum: first.state?.checksum });

    await writeFile(join(files, 'zebra.txt'), 'The last file of all.');
    const events: LibraryEvent[] = [];
    for await (const event of test.app().handlers['library.update']({ name: 'coast' }, { signal: never })) {
      events.push(event);
    }
    const said = events.findLast((event) => event.kind === 'preview');
    expect(said?.kind === 'preview' ? said.preview.read?.fromCheckpoint : null).toBe(first.state?.tokens);
    const appended = reportOf(events);
    expect(appended.state?.reusedTokens).toBe(first.state?.tokens);
    expect(appended.state?.readTokens).toBe((appended.state?.tokens ?? 0) - (first.state?.tokens ?? 0));
  });
});

describe('a turn', () => {
  it('answers from a small library read whole, and counts every token', async () => {
    await test.write({ ...BOOK, 'picture.txt': 'a\0b\0c' });
    await test.add({ name: 'coast' });
    const { answer, events } = await test.ask({
      question: 'Who keeps Tarsk?',
      library: 'coast',
      sampling: short,
    });
    expect(events[0]?.kind).toBe('started');
    expectAddsUp(answer.receipt);
    const kinds = answer.receipt.sources.map(({ kind, read }) => [kind, read > 0]);
    expect(kinds.filter(([kind, read]) => kind === 'document' && read === true)).toHaveLength(3);
    expect(answer.receipt.dropped).toBe(2);
    expect(answer.receipt.sources.find(({ name }) => name.endsWith('picture.txt'))).toMatchObject({
      bytes: 5,
      dropped: 2,
    });
    expect(answer.timings.decodeTokens).toBeLessThanOrEqual(4);
  });

  it('answers from passages when told not to use a state, and says so in the receipt', async () => {
    await test.write(BOOK);
    const { tokens } = await test.add({ name: 'coast' });
    const { answer } = await test.ask({
      question: 'Who is the keeper of Tarsk?',
      library: 'coast',
      state: false,
      sampling: short,
    });
    const [source] = answer.receipt.sources;
    expect(source).toMatchObject({ kind: 'library', indexed: { tokens, files: 3 }, pending: 0, dropped: 0 });
    expect(source?.indexed?.passages).toBeGreaterThan(0);
    expect(source?.offered).toBe(answer.receipt.passages);
  });

  it('reuses the conversation before it, and branches when a question is edited or asked again', async () => {
    const first = await test.ask({ question: 'One?', sampling: short });
    const conversation = first.answer.conversationId;
    const second = await test.ask({ question: 'Two?', conversation, sampling: short });
    expect(second.answer.receipt.sources.map(({ name }) => name)).toEqual(['turn 1', 'question']);
    expect(second.answer.receipt.reused).toBeGreaterThan(0);
    const show = (): ReturnType<ReturnType<TestApp['app']>['handlers']['conversations.show']> =>
      test.app().handlers['conversations.show']({ id: conversation }, { signal: never });
    const before = await show();
    expect(before.branch).toHaveLength(4);

    await test.ask({ question: 'Two, edited?', conversation, parent: before.branch[1]?.id, sampling: short });
    const edited = await show();
    expect(edited.branch.map(({ content }) => content)[2]).toBe('Two, edited?');
    expect(edited.messages).toHaveLength(6);

    await test.ask({ question: 'Two?', conversation, regenerate: before.branch[2]?.id, sampling: short });
    const regenerated = await show();
    expect(regenerated.branch[2]?.id).toBe(before.branch[2]?.id);
    expect(regenerated.branch[3]?.id).not.toBe(before.branch[3]?.id);
    // Greedy: the same context gives the same answer.
    expect(regenerated.branch[3]?.content).toBe(before.branch[3]?.content);
  });

  it('gives the answer of a fresh chat after an edit of an early turn', async () => {
    const { answer } = await test.ask({ question: 'One?', sampling: short });
    const conversation = answer.conversationId;
    for (const question of ['Two?', 'Three?']) await test.ask({ question, conversation, sampling: short });
    const edited = await test.ask({
      question: 'Second?',
      conversation,
      parent: answer.messageId,
      sampling: short,
    });
    await test.reopen();
    const fresh = await test.ask({ question: 'One?', sampling: short });
    const next = await test.ask({
      question: 'Second?',
      conversation: fresh.answer.conversationId,
      sampling: short,
    });
    expect(next.answer.answer).toBe(edited.answer.answer);
  });

  it('asks before anything is cut: context-full with both numbers, and evicts when told to', async () => {
    await test.close();
    test = await openTestApp(1024);
    const { answer } = await test.ask({ question: 'x'.repeat(600), sampling: short });
    const conversation = answer.conversationId;
    const question = 'y'.repeat(600);
    await expect(test.ask({ question, conversation, sampling: short })).rejects.toMatchObject({
      code: 'context-full',
      details: { offered: expect.any(Number), limit: 1024 },
    });
    const { branch } = await test
      .app()
      .handlers['conversations.show']({ id: conversation }, { signal: never });
    expect(branch).toHaveLength(2);
    const slid = await test.ask({ question, conversation, sampling: short, whenFull: 'slide' });
    expectAddsUp(slid.answer.receipt);
    const turn = slid.answer.receipt.sources.find(({ name }) => name === 'turn 1');
    expect(turn?.dropped).toBeGreaterThan(150);
    expect(turn?.reason).toMatch(/evicted/);
  });

  it('keeps what was written when it is stopped', async () => {
    const stop = new AbortController();
    let conversation = '';
    const run = (async () => {
      const args = { question: 'Tell me everything.', sampling: { maxTokens: 2000 } };
      for await (const event of test.app().handlers['chat.ask'](args, { signal: stop.signal })) {
        if (event.kind === 'started') conversation = event.conversationId;
        if (event.kind === 'text') stop.abort();
        if (event.kind === 'done') return event.answer;
      }
      return null;
    })();
    expect(await run).toMatchObject({ status: 'stopped' });
    const hits = await test.app().handlers['conversations.list']({}, { signal: never });
    expect(hits[0]?.conversation.id).toBe(conversation);
  });

  it('is exported and imported with receipt and citations', async () => {
    await test.write(BOOK);
    await test.add({ name: 'coast' });
    const { answer } = await test.ask({ question: 'Who keeps Tarsk?', library: 'coast', sampling: short });
    const { handlers } = test.app();
    const id = answer.conversationId;
    const markdown = await handlers['conversations.export']({ ids: [id], format: 'md' }, { signal: never });
    expect(markdown.content).toContain('Who keeps Tarsk?');
    expect(markdown.content).toContain(`offered: ${String(answer.receipt.offered)}`);
    const json = await handlers['conversations.export']({ ids: [id], format: 'json' }, { signal: never });
    const file = join(test.folder, 'export.json');
    await writeFile(file, json.content);
    const before = await handlers['conversations.show']({ id }, { signal: never });
    const again = await handlers['conversations.import']({ file }, { signal: never });
    expect(again).toMatchObject({ from: 'longleaf', conversations: [], unchanged: 1, failed: [] });
    await handlers['conversations.delete']({ id }, { signal: never });
    await handlers['conversations.purge']({ id }, { signal: never });
    const { conversations } = await handlers['conversations.import']({ file }, { signal: never });
    expect(conversations).toMatchObject([{ conversation: { id }, messages: 2, library: 'coast' }]);
    expect(await handlers['conversations.show']({ id }, { signal: never })).toEqual(before);
  });

  it('shows what is not read yet as pending, and uses what is', async () => {
    await test.write(BOOK);
    await test.add({ name: 'coast', read: 'always' });
    await test.write({ 'zebra.txt': 'The last file of all.' });
    const report = await test.add({ name: 'coast', read: 'never' });
    expect(report.state).toBeNull();
    const { answer } = await test.ask({ question: 'Who keeps Tarsk?', library: 'coast', sampling: short });
    expectAddsUp(answer.receipt);
    expect(answer.plan).toBe('adapted');
    const zebra = answer.receipt.sources.find(({ name }) => name.endsWith('zebra.txt'));
    expect(zebra).toMatchObject({ pending: 21, reused: 0, read: 0, reason: 'not read yet' });
    const one = answer.receipt.sources.find(({ name }) => name.endsWith('one.txt'));
    expect(one).toMatchObject({ reused: BOOK['one.txt'].length, read: 0, pending: 0, dropped: 0 });
  });

  it('answers while the library is being read, from as far as it has come; afterwards from all of it', async () => {
    await test.write({ 'long.txt': 'The harbour of Tarsk lies in the north. '.repeat(80) });
    await test.add({ name: 'coast', read: 'never' });
    const reading = test.app().handlers['library.read']({ name: 'coast' }, { signal: never });
    const iterator = reading[Symbol.asyncIterator]();
    for (;;) {
      const { value } = await iterator.next();
      if (value?.kind === 'progress' && value.phase === 'read') break;
    }
    const question = 'Where does the harbour of Tarsk lie?';
    const during = await test.ask({ question, library: 'coast', sampling: short });
    expectAddsUp(during.answer.receipt);
    expect(during.answer.plan).toBe('adapted');
    expect(during.answer.receipt.pending).toBeGreaterThan(0);
    while ((await iterator.next()).done !== true);
    const after = await test.ask({ question, library: 'coast', sampling: short });
    expect(after.answer.receipt).toMatchObject({ pending: 0, dropped: 0 });
    expect(after.answer.receipt.reused).toBe(3200);
  }, 120_000);
});
