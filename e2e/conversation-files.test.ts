/** Conversations in and out through the command line; needs no engine. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chatgpt, claude } from '../src/main/app/imports/foreign.fixture.ts';
import { openTerminal, type Terminal } from './harness.ts';

let terminal: Terminal;
let folder: string;
beforeAll(async () => {
  terminal = await openTerminal();
  folder = join(terminal.dataFolder, '..', 'files');
  await mkdir(folder);
});
afterAll(() => terminal.close());

describe('conversations import and export', () => {
  it('takes exports of other apps, names what is broken, and makes no copies', async () => {
    const file = join(folder, 'chatgpt.json');
    await writeFile(file, JSON.stringify([chatgpt, { title: 'Bad', mapping: 3 }]));
    const first = await terminal.run('conversations', 'import', file);
    expect(first).toMatchObject({ code: 0, stderr: 'Not imported: Bad: It has no messages.\n' });
    expect(first.stdout).toContain('4 messages  About whales');
    const second = await terminal.run('conversations', 'import', file);
    expect(second.stdout).toBe('1 conversation here already, unchanged.\n');
    await writeFile(file, JSON.stringify([claude]));
    const json = (await terminal.run('conversations', 'import', file, '--json')).json();
    expect(json).toMatchObject({ from: 'claude', conversations: [{ messages: 2 }], failed: [] });
  });

  it('a file in which all is broken ends with 1', async () => {
    const file = join(folder, 'broken.json');
    await writeFile(file, JSON.stringify([{ title: 'Bad', mapping: 3 }]));
    expect((await terminal.run('conversations', 'import', file)).code).toBe(1);
  });

  it('writes all of them in every format into a folder', async () => {
    const out = join(folder, 'out');
    await mkdir(out);
    for (const format of ['md', 'html', 'pdf', 'json'])
      expect(
        await terminal.run('conversations', 'export', '--all', '--format', format, '--redact', '--out', out),
      ).toMatchObject({ code: 0 });
    const names = await readdir(out);
    expect(names.map((name) => name.replace(/\d{4}-\d\d-\d\d/, 'DAY')).sort()).toEqual([
      'Longleaf conversations DAY html.zip',
      'Longleaf conversations DAY md.zip',
      'Longleaf conversations DAY pdf.zip',
      'Longleaf conversations DAY.json',
    ]);
    const json = names.find((name) => name.endsWith('.json')) ?? '';
    expect(await readFile(join(out, json), 'utf8')).toContain('What is a whale?');
    const again = await terminal.run('conversations', 'import', join(out, json), '--json');
    expect(again.json()).toMatchObject({ from: 'longleaf', conversations: [], unchanged: 2, failed: [] });
  });

  it('says what is missing', async () => {
    expect((await terminal.run('conversations', 'export')).code).toBe(2);
    expect((await terminal.run('conversations', 'export', '--all', '--format', 'pdf')).code).toBe(2);
    expect((await terminal.run('conversations', 'export', 'nope')).code).toBe(1);
  });
});
