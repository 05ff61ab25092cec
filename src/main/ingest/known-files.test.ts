/** A second scan: files whose text is there already. */
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterEach, beforeEach, expect, it } from 'vitest';

import { scan } from './scan.ts';
import type { ScanEntry } from './types.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'longleaf-known-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function put(files: Readonly<Record<string, string | Buffer>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
}

/** the first scan's files with other bytes, which only those see who open them */
async function behindTheScan(paths: readonly string[]): Promise<Map<string, ScanEntry>> {
  const before = new Map(
    (await Array.fromAsync(scan([folder], { maxFileBytes: 1 << 20 }))).map((entry) => [
      entry.absolutePath,
      entry,
    ]),
  );
  for (const path of paths) {
    const seconds = (before.get(join(folder, path))?.mtimeMs ?? 0) / 1000;
    await put({ [path]: Buffer.alloc(8) });
    await utimes(join(folder, path), seconds, seconds);
  }
  return before;
}

async function again(known: (path: string) => ScanEntry | undefined): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { path, kind, outcome, reason } of scan([folder], { maxFileBytes: 1 << 20, known }))
    found[path.slice(path.indexOf('/') + 1)] = reason ?? `${String(outcome)} ${String(kind)}`;
  return found;
}

it('files whose text is there already are not opened while path, size and time are the same', async () => {
  await put({ 'a.txt': '12345678', 'b.md': '12345678', 'c.txt': '12345678', 'd.txt': '12345678' });
  // a whole number of ms, which every file system keeps
  for (const name of ['a.txt', 'b.md', 'c.txt', 'd.txt']) await utimes(join(folder, name), 1e9, 1e9);
  const before = await behindTheScan(['a.txt', 'b.md', 'd.txt']);
  await put({ 'b.md': Buffer.alloc(9) });
  const known = (path: string) => (path.endsWith('d.txt') ? undefined : before.get(path));
  expect(await again(known)).toEqual({
    'a.txt': 'null null',
    'b.md': 'not text: binary data',
    'c.txt': 'null null',
    'd.txt': 'not text: binary data',
  });
  const elsewhere = (path: string) => ({ ...(before.get(path) as ScanEntry), path: 'another/name.txt' });
  expect((await again(elsewhere))['a.txt']).toBe('not text: binary data');
});

it('they obey ignore files, names and the limit of size as any other', async () => {
  await put({ 'a.txt': '12345678', 'b.txt': '12345678', 'c/d.txt': '12345678' });
  const before = await behindTheScan([]);
  await put({ '.gitignore': 'a.txt\n/c/\n' });
  const known = (path: string) => before.get(path);
  expect(await again(known)).toMatchObject({
    'a.txt': 'ignored by .gitignore',
    'b.txt': 'null null',
    'c/': 'ignored by .gitignore: 1 files',
  });
  const limited = await Array.fromAsync(scan([folder], { maxFileBytes: 7, known }));
  expect(limited.find(({ path }) => path.endsWith('b.txt'))?.reason).toMatch(/larger than the limit/);
});
