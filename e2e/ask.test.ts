/** Questions in the terminal: answer, citations, receipt, conversations, two terminals, Ctrl-C. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answer, ConversationDetails } from '../src/shared/rpc/index.ts';
import { noModel, openTerminal, skippedWithoutModel, type Terminal } from './harness.ts';

/** An invented name: the answer can only come from the text. */
const story = `# The Voyage of the Quillmark

Captain Ahab commanded a whaling ship. The ship of Captain Ahab is named the Quillmark, and it sailed from Nantucket.

The cook of the ship was called Barnaby Fennel. He kept a green parrot in the galley.
`;
const question = 'What is the name of the ship of Captain Ahab?';

describe.skipIf(noModel)(`ask${skippedWithoutModel}`, () => {
  let terminal: Terminal;
  let file: string;
  let first: Answer;
  beforeAll(async () => {
    terminal = await openTerminal();
    file = join(terminal.dataFolder, '..', 'voyage.md');
    await mkdir(terminal.dataFolder, { recursive: true });
    await writeFile(file, story);
    expect(await terminal.run('library', 'add', 'voyage', file)).toMatchObject({ code: 0 });
  });
  afterAll(() => terminal.close());

  it('answers from the library, with a verified citation, a receipt that adds up, and times', async () => {
    const ended = await terminal.run(
      'ask',
      question,
      '--library',
      'voyage',
      '--temperature',
      '0',
      '--max-tokens',
      '32',
      '--json',
    );
    expect(ended.code, ended.stderr).toBe(0);
    first = ended.json() as Answer;
    expect(first.answer).toContain('Quillmark');
    expect(first).toMatchObject({ status: 'done', backend: 'cpu', plan: 'window' });

    const [citation] = first.citations;
    expect(citation).toMatchObject({ path: 'voyage.md', lineStart: 3 });
    expect(story.slice(citation?.start, citation?.end)).toBe(citation?.quote);

    const { receipt, timings } = first;
    for (const counts of [receipt, ...receipt.sources])
      expect(counts.offered).toBe(counts.reused + counts.read + counts.pending + counts.dropped);
    expect(receipt).toMatchObject({ pending: 0, dropped: 0 });
    expect(receipt.exact).toBeGreaterThan(0);
    const { spawnMs, modelReadyMs, restoredMs, firstTokenMs } = timings;
    expect([spawnMs, modelReadyMs, restoredMs, firstTokenMs]).toEqual(
      [spawnMs, modelReadyMs, restoredMs, firstTokenMs].toSorted((a, b) => a - b),
    );
    expect(timings.decodeTokens).toBeGreaterThan(3);
  });

  it('greedy answers are the same each time, and people see sources and receipt', async () => {
    const ended = await terminal.run(
      'ask',
      question,
      '--library',
      'voyage',
      '--temperature',
      '0',
      '--max-tokens',
      '32',
    );
    expect(ended.stdout.startsWith(first.answer.trim())).toBe(true);
    expect(ended.stdout).toMatch(/\n\[1\] voyage\.md:3/);
    expect(ended.stdout).toMatch(/\nContext \(tokens\): [\d,]+ offered = /);
  });

  it('a conversation goes on, is found, exported, imported and deleted', async () => {
    const id = first.conversationId;
    const next = await terminal.run(
      'ask',
      'Who was the cook?',
      '--conversation',
      id,
      '--max-tokens',
      '16',
      '--temperature',
      '0',
      '--json',
    );
    expect(next.code, next.stderr).toBe(0);
    expect((next.json() as Answer).conversationId).toBe(id);

    const shown = (await terminal.run('conversations', 'show', id, '--json')).json() as ConversationDetails;
    expect(shown.branch.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant']);
    expect((await terminal.run('conversations', 'search', 'Quillmark')).stdout).toContain(id);

    const markdown = await terminal.run('conversations', 'export', id, '--format', 'md');
    for (const part of [question, first.answer.trim(), 'voyage.md']) expect(markdown.stdout).toContain(part);
    const out = join(terminal.dataFolder, '..', 'export.json');
    expect((await terminal.run('conversations', 'export', id, '--format', 'json', '--out', out)).code).toBe(
      0,
    );
    expect(await readFile(out, 'utf8')).toContain('Quillmark');

    expect((await terminal.run('conversations', 'delete', id)).code).toBe(0);
    expect((await terminal.run('conversations', 'list', '--json')).stdout).not.toContain(id);
    const imported = (await terminal.run('conversations', 'import', out, '--json')).json();
    expect(imported).toMatchObject({ conversations: [{ messages: 4 }] });
  });

  it('--add attaches a file to this conversation only', async () => {
    const ended = await terminal.run(
      'ask',
      '--temperature',
      '0',
      '--max-tokens',
      '24',
      '--json',
      '--add',
      file,
      'What was the cook of the ship called?',
    );
    expect(ended.code, ended.stderr).toBe(0);
    expect((ended.json() as Answer).answer).toContain('Fennel');
  });

  it('what cannot fit is refused with both numbers, not cut', async () => {
    const ended = await terminal.run('ask', `Summarise: ${'whale '.repeat(9000)}`, '--max-tokens', '8');
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toMatch(/^error: .*\d{4}.*\d{4}/s);
    expect(ended.stderr).toMatch(/\nhint: ./);
  });

  it('Ctrl-C stops the answer with 130, and what had come is saved', async () => {
    const asking = terminal.start([
      'ask',
      'Write a very long story about a whale.',
      '--max-tokens',
      '4000',
      '--temperature',
      '0',
    ]);
    await asking.saw(/\w+( \S+){8}/);
    asking.child.kill('SIGINT');
    const { code, stdout } = await asking.ended;
    expect(code).toBe(130);
    const list = (await terminal.run('conversations', 'list', '--json')).json() as {
      conversations: { conversation: { id: string } }[];
    };
    const id = list.conversations[0]?.conversation.id ?? '';
    const { branch } = (
      await terminal.run('conversations', 'show', id, '--json')
    ).json() as ConversationDetails;
    expect(branch.at(-1)).toMatchObject({ role: 'assistant', status: 'stopped' });
    expect(branch.at(-1)?.content.trim().length).toBeGreaterThan(0);
    expect(stdout).toContain(branch.at(-1)?.content.trim().slice(0, 20));
  });

  it('two terminals at once work, through one owner', async () => {
    const args = [
      'ask',
      question,
      '--library',
      'voyage',
      '--max-tokens',
      '16',
      '--temperature',
      '0',
      '--json',
    ];
    const both = await Promise.all([
      terminal.run(...args),
      terminal.run(...args),
      terminal.run('library', 'list', '--json'),
    ]);
    expect(
      both.map(({ code }) => code),
      both.map(({ stderr }) => stderr).join(),
    ).toEqual([0, 0, 0]);
    const [one, two] = both.slice(0, 2).map((ended) => (ended.json() as Answer).answer);
    expect(one).toBe(two);
  });

  it.skipIf(process.platform === 'win32')(
    'an owner that does not answer is named, with a remedy, within seconds (skipped on Windows: no SIGSTOP)',
    async () => {
      const owner = terminal.start(
        ['chat', '--max-tokens', '4000'],
        'Write a very long story about a whale.\n',
      );
      await owner.saw(/\S+ \S+/);
      owner.child.kill('SIGSTOP');
      const begin = performance.now();
      const second = await terminal.run('library', 'list');
      expect(performance.now() - begin).toBeLessThan(60_000); // it would wait for ever
      expect(second).toMatchObject({ code: 1, stdout: '' });
      expect(second.stderr).toMatch(new RegExp(`^error: .*${owner.child.pid}.*\nhint: .*kill`));
      owner.child.kill('SIGKILL');
      await owner.ended;
      // and once it is gone, everything works again
      expect((await terminal.run('library', 'list')).code).toBe(0);
    },
  );

  it('chat answers the lines of a pipe, one conversation for all of them', async () => {
    const chat = terminal.start(
      ['chat', '--library', 'voyage', '--max-tokens', '16', '--temperature', '0', '--json'],
      `${question}\nWho was the cook?\n/quit\n`,
    );
    const { code, stdout, stderr } = await chat.ended;
    expect(code, stderr).toBe(0);
    const answers = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Answer);
    expect(answers.map(({ conversationId }) => conversationId)).toEqual([
      answers[0]?.conversationId,
      answers[0]?.conversationId,
    ]);
  });

  it('logits: a row of the vocabulary per position asked for', async () => {
    const tokens = join(terminal.dataFolder, '..', 'ids.json');
    await writeFile(tokens, JSON.stringify([1, 2683, 198, 5195]));
    const { logits } = (await terminal.run('logits', '--tokens', tokens, '--last', '2')).json() as {
      logits: number[][];
    };
    expect(logits.map((row) => row.length)).toEqual([49_152, 49_152]);
    expect(logits.flat().every(Number.isFinite)).toBe(true);
  });
});
