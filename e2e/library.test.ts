/** Libraries in the terminal: what is read, what is left out and why, updates, and Ctrl-C while reading. */
import { chmod, mkdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { noModel, openTerminal, skippedWithoutModel, type Terminal } from './harness.ts';

const chapter = (number: number, paragraphs: number) =>
  `# Chapter ${number}\n\n${Array.from(
    { length: paragraphs },
    (_, index) =>
      `In paragraph ${index} of chapter ${number} the harpooner counted ${index * 7 + number} barrels of oil, and wrote the number down.`,
  ).join('\n\n')}\n`;

interface Report {
  readonly files: readonly {
    path: string;
    outcome: string;
    reason: string | null;
    bytes: number;
    tokens: number;
  }[];
  readonly counts: Record<string, number>;
  readonly tokens: number;
  readonly seconds: number;
  readonly state: {
    checksum: string;
    tokens: number;
    libraryTokens: number;
    reusedTokens: number;
    readTokens: number;
  } | null;
}

describe.skipIf(noModel)(`library${skippedWithoutModel}`, () => {
  let terminal: Terminal;
  let book: string;
  beforeAll(async () => {
    terminal = await openTerminal();
    book = join(terminal.dataFolder, '..', 'book');
    await mkdir(join(book, 'notes'), { recursive: true });
    await writeFile(join(book, '01.md'), chapter(1, 4));
    await writeFile(join(book, '02.md'), chapter(2, 4));
    await writeFile(join(book, 'notes', 'code.ts'), 'export function harpoon(): number {\n  return 42;\n}\n');
    await writeFile(join(book, 'picture.bin'), Buffer.from([0, 1, 2, 3, 0, 255, 254, 0]));
    await writeFile(join(book, '.env'), 'TOKEN=secret\n');
    await writeFile(join(book, '.gitignore'), 'drafts/\n');
    await mkdir(join(book, 'drafts'));
    await writeFile(join(book, 'drafts', 'x.md'), 'a draft');
  });
  afterAll(() => terminal.close());

  const report = async (...args: readonly string[]) => {
    const ended = await terminal.run('library', ...args, '--json');
    expect(ended, ended.stderr).toMatchObject({ code: 0 });
    return ended.json() as Report;
  };

  it('--preview says what would be done, and does nothing', async () => {
    const ended = await terminal.run('library', 'add', 'book', book, '--preview', '--json');
    expect(ended.json()).toMatchObject({ library: 'book', files: { toExtract: 4 }, read: null });
    expect((await terminal.run('library', 'list', '--json')).json()).toEqual({ libraries: [] });
  });

  it('adds a folder, and lists what it left out with the reason', async () => {
    const { files, counts, tokens, seconds } = await report('add', 'book', book);
    const read = files
      .filter(({ outcome }) => outcome === 'read')
      .map(({ path }) => path)
      .toSorted();
    expect(read).toEqual(['book/.gitignore', 'book/01.md', 'book/02.md', 'book/notes/code.ts']);
    for (const file of files.filter(({ outcome }) => outcome !== 'read')) expect(file.reason).toBeTruthy();
    expect(files.map(({ path }) => path)).toEqual(expect.arrayContaining(['book/.env', 'book/picture.bin']));
    expect(counts['read']).toBe(4);
    expect(tokens).toBe(files.reduce((sum, file) => sum + file.tokens, 0));
    expect(seconds).toBeGreaterThan(0);
  });

  it('added again, also after touch, nothing has changed', async () => {
    const now = new Date();
    await utimes(join(book, '01.md'), now, now);
    expect(await report('add', 'book', book)).toMatchObject({
      added: 0,
      changed: 0,
      removed: 0,
      renamed: 0,
    });
  });

  it('an update finds what changed, what was renamed and what is gone', async () => {
    await writeFile(join(book, '02.md'), chapter(2, 5));
    await rename(join(book, 'notes', 'code.ts'), join(book, 'notes', 'harpoon.ts'));
    await writeFile(join(book, '03.md'), chapter(3, 2));
    expect(await report('update', 'book')).toMatchObject({ added: 1, changed: 1, renamed: 1, removed: 0 });
    await rm(join(book, '03.md'));
    expect(await report('update', 'book', '--verify')).toMatchObject({ removed: 1, changed: 0 });
  });

  it('show and list speak to people too', async () => {
    const shown = await terminal.run('library', 'show', 'book');
    expect(shown.stdout).toMatch(/skipped .*book\/\.env/);
    expect((await terminal.run('library', 'list')).stdout).toMatch(/^book .* indexed$/m);
  });

  it.skipIf(process.getuid?.() === 0 || process.platform === 'win32')(
    'a folder that cannot be read is listed, the rest is read (skipped as root and on Windows: no such folder)',
    async () => {
      const locked = join(book, 'locked');
      await mkdir(locked, { mode: 0o000 });
      const { files, counts } = await report('update', 'book');
      await chmod(locked, 0o700);
      expect(files.find(({ path }) => path === 'book/locked/')).toMatchObject({ outcome: 'refused' });
      expect(counts['read']).toBe(4);
    },
  );

  it('report says what became of every file, as CSV, JSON or Markdown', async () => {
    const csv = (await terminal.run('library', 'report', 'book')).stdout;
    expect(csv).toMatch(/^\ufeff?path,outcome,reason,bytes,tokens\r\nbook\//);
    const rows = csv.trim().split('\r\n').slice(1);
    const { files } = (await terminal.run('library', 'report', 'book', '--format', 'json')).json() as Report;
    expect(rows).toHaveLength(files.length);
    expect(files).toContainEqual(
      expect.objectContaining({
        path: 'book/.env',
        outcome: 'skipped',
        reason: expect.stringMatching(/./) as string,
      }),
    );
    const markdown = (await terminal.run('library', 'report', 'book', '--format', 'md')).stdout;
    expect(markdown).toMatch(/^# book\n\n\d+ files: 4 read/);
    expect(await terminal.run('library', 'report', 'book', '--format', 'xml')).toMatchObject({ code: 2 });
  });

  it('encoding says how a text file was decoded, and reads it anew in another one', async () => {
    await writeFile(
      join(book, 'cafe.txt'),
      Buffer.from('Un café crème, s’il vous plaît. Déjà vu à Nîmes.', 'latin1'),
    );
    await report('update', 'book');
    const asked = await terminal.run('library', 'encoding', 'book', 'book/cafe.txt');
    expect(asked.stdout).toMatch(/^book\/cafe\.txt: \S+ \(guessed\)/);
    expect(await report('encoding', 'book', 'book/cafe.txt', 'KOI8-R')).toMatchObject({ changed: 1 });
    const chosen = await terminal.run('library', 'encoding', 'book', 'book/cafe.txt', '--json');
    expect(chosen.json()).toEqual({ encoding: 'koi8-r', guessed: false, chosen: true });
    expect(await report('encoding', 'book', 'book/cafe.txt', 'auto')).toMatchObject({ changed: 1 });
    const wrong = await terminal.run('library', 'encoding', 'book', 'book/cafe.txt', 'klingon');
    expect(wrong).toMatchObject({ code: 2 });
    expect(wrong.stderr).toContain('shift_jis');
    await rm(join(book, 'cafe.txt'));
    await report('update', 'book');
  });

  it('a path that is not there is an error, and changes nothing', async () => {
    expect(await terminal.run('library', 'add', 'other', join(book, 'nowhere'))).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error: .*nowhere.*\nhint: ./) as string,
    });
    expect((await terminal.run('library', 'list', '--json')).json()).toMatchObject({ libraries: [{}] });
  });

  it(
    'Ctrl-C while reading ends with 130; reading goes on from there, to the same state as without',
    { timeout: 180_000 },
    async () => {
      const long = join(terminal.dataFolder, '..', 'long.md');
      await writeFile(long, chapter(9, 70));
      const reading = terminal.start(['library', 'add', 'long', long, '--read']);
      await reading.saw('Reading into a state');
      reading.child.kill('SIGINT');
      expect(await reading.ended).toMatchObject({ code: 130, stdout: '' });
      const resumed = await report('add', 'long', long, '--read');
      expect(resumed.state).toMatchObject({ tokens: resumed.state?.libraryTokens });
      expect((await terminal.run('state', 'info', 'long', '--json')).json()).toMatchObject({
        checksum: resumed.state?.checksum,
        tokens: resumed.state?.tokens,
      });

      const undisturbed = await openTerminal();
      try {
        const fresh = await undisturbed.run('library', 'add', 'long', long, '--read', '--json');
        expect((fresh.json() as Report).state?.checksum).toBe(resumed.state?.checksum);
      } finally {
        await undisturbed.close();
      }
    },
  );

  it('removed, its files stay', async () => {
    expect((await terminal.run('library', 'remove', 'long')).code).toBe(0);
    expect((await terminal.run('library', 'show', 'long')).code).toBe(1);
  });
});
