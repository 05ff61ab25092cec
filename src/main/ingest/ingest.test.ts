import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { createIngest, type ExtractedDocument, type Ingest, type ScanEntry } from './index.ts';

const data = resolve(
  process.env['LONGLEAF_TEST_DATA'] ?? join(import.meta.dirname, '../../../../shared/data'),
);
let folder: string;
let ingest: Ingest;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'longleaf-ingest-'));
  ingest = createIngest({ workers: 2 });
});
afterEach(async () => {
  await ingest.close();
  await rm(folder, { recursive: true, force: true });
});

async function entriesOf(root: string): Promise<ScanEntry[]> {
  const entries: ScanEntry[] = [];
  for await (const entry of ingest.scan([root], { maxFileBytes: 1 << 28 })) entries.push(entry);
  return entries;
}

async function documentOf(name: string, content: string | Buffer): Promise<ExtractedDocument> {
  await writeFile(join(folder, name), content);
  const [entry] = await entriesOf(join(folder, name));
  if (entry === undefined) throw new Error('nothing scanned');
  return ingest.extract(entry);
}

describe('extract', () => {
  it('misuse: skipped entries, files that are gone, folders, white space, a file that is no book', async () => {
    const entry: ScanEntry = {
      path: 'x',
      absolutePath: join(folder, 'x'),
      bytes: 1,
      mtimeMs: 0,
      kind: 'text',
      outcome: null,
      reason: null,
    };
    await expect(ingest.extract({ ...entry, kind: null, outcome: 'skipped' })).rejects.toMatchObject({
      code: 'usage',
    });
    await expect(ingest.extract({ ...entry, kind: null })).rejects.toMatchObject({ code: 'not-found' });
    await expect(ingest.extract(entry)).rejects.toMatchObject({ code: 'not-found' });
    await expect(ingest.extract({ ...entry, absolutePath: folder })).rejects.toMatchObject({
      code: 'invalid-input',
    });
    await expect(documentOf('blank.txt', ' \n\t\n')).rejects.toThrow(/no text/);
    await expect(documentOf('book.epub', 'PK nothing')).rejects.toMatchObject({ code: 'invalid-input' });
  });

  it('what the scan took for known is looked at when its text is wanted after all', async () => {
    await writeFile(join(folder, 'notes'), '{\\rtf1\\ansi Call me Ishmael.}');
    const [opened] = await entriesOf(join(folder, 'notes'));
    if (opened === undefined) throw new Error('nothing scanned');
    const known = { ...opened, kind: null };
    expect((await ingest.extract(known)).text).toBe('Call me Ishmael.');
    expect(await ingest.extract(known)).toEqual(await ingest.extract(opened));
    await writeFile(join(folder, 'notes'), Buffer.from('89504e470d0a1a0a', 'hex'));
    await expect(ingest.extract(known)).rejects.toThrow(/another file than before: not text: picture/);
  });

  it('text: line ends, byte-order mark, hash of the bytes, faults', async () => {
    const document = await documentOf('a.txt', '\ufeffone\r\ntwo\rthree\n');
    expect(document).toMatchObject({
      kind: 'text',
      text: 'one\ntwo\nthree\n',
      encoding: 'utf-8',
      outcome: 'read',
    });
    expect(document.hash).toMatch(/^[0-9a-f]{64}$/);
    const damaged = await documentOf(
      'b.txt',
      Buffer.concat([
        Buffer.from('größere Flüsse, süße Äpfel, schöne Türme, grüne Wälder'),
        Buffer.from([0xff]),
      ]),
    );
    expect(damaged).toMatchObject({ outcome: 'partly' });
    expect(damaged.reason).toMatch(/1 places are not valid utf-8/);
  });

  it(
    'a file that needs more memory than the limit costs itself, not its neighbours',
    { timeout: 60_000 },
    async () => {
      await ingest.close();
      ingest = createIngest({ workers: 1, heapMB: 40 });
      await writeFile(join(folder, 'b-huge.json'), '[1],\n'.repeat(8_000_000));
      for (const name of ['a', 'c', 'd']) await writeFile(join(folder, `${name}.txt`), `I am ${name}`);
      const results = await Promise.allSettled(
        (await entriesOf(folder)).map((entry) => ingest.extract(entry)),
      );
      expect(
        results.map((result) => (result.status === 'fulfilled' ? result.value.text : String(result.reason))),
      ).toEqual(['I am a', expect.stringMatching(/more memory than the limit of 40 MB/), 'I am c', 'I am d']);
    },
  );

  it('a file that takes too long is given up', { timeout: 60_000 }, async () => {
    await ingest.close();
    ingest = createIngest({ workers: 1, timeLimit: 1000, heapMB: 2048 });
    await writeFile(join(folder, 'a-slow.json'), '[1],\n'.repeat(4_000_000));
    await writeFile(join(folder, 'b.txt'), 'b');
    const results = await Promise.allSettled((await entriesOf(folder)).map((entry) => ingest.extract(entry)));
    expect(
      results.map((result) => (result.status === 'fulfilled' ? result.value.text : String(result.reason))),
    ).toEqual([expect.stringMatching(/longer than the limit of/), 'b']);
  });

  it(
    'the time that the machine slept for is no file’s: nothing is given up',
    { timeout: 60_000 },
    async () => {
      await writeFile(join(folder, 'a.json'), '[1],\n'.repeat(2_000_000));
      const [entry] = await entriesOf(folder);
      if (entry === undefined) throw new Error('nothing scanned');
      const reading = ingest.extract(entry);
      // the worker has begun, which was seen
      await new Promise((resolve) => setTimeout(resolve, 600));
      const now = performance.now.bind(performance);
      vi.spyOn(performance, 'now').mockImplementation(() => now() + 60_000);
      expect((await reading.finally(() => vi.restoreAllMocks())).outcome).toBe('read');
    },
  );

  it('the signal and close end the wait', async () => {
    await writeFile(join(folder, 'a.txt'), 'a');
    const [entry] = await entriesOf(folder);
    if (entry === undefined) throw new Error('nothing scanned');
    await expect(ingest.extract(entry, AbortSignal.abort())).rejects.toMatchObject({ code: 'interrupted' });
    const control = new AbortController();
    const running = ingest.extract(entry, control.signal);
    control.abort();
    await expect(running).rejects.toMatchObject({ code: 'interrupted' });
    const queued = ingest.extract(entry);
    void queued.catch(() => undefined);
    await ingest.close();
    await expect(ingest.extract(entry)).rejects.toMatchObject({ code: 'interrupted' });
  });

  it('thousands of small files: > 500 a processor second, in order', { timeout: 60_000 }, async () => {
    const count = 3000;
    await Promise.all(
      Array.from({ length: count }, (_, index) =>
        writeFile(
          join(folder, `${String(index).padStart(5, '0')}.ts`),
          `export const value${String(index)} = ${String(index)};\n`.repeat(20),
        ),
      ),
    );
    const started = process.cpuUsage();
    const entries = await entriesOf(folder);
    const documents = await Promise.all(entries.map((entry) => ingest.extract(entry)));
    // processor time, so that what else the machine does makes no difference
    const used = process.cpuUsage(started);
    const seconds = (used.user + used.system) / 1e6;
    console.log(`scan and extract: ${(count / seconds).toFixed(0)} files a processor second`);
    expect(documents.map(({ text }) => text.slice(0, 22))).toContain('export const value2999');
    expect(documents[17]?.text).toMatch(/^export const value17 /);
    expect(count / seconds).toBeGreaterThan(500);
  });
});

describe('passages', () => {
  const check = (document: ExtractedDocument): void => {
    const passages = ingest.passages(document);
    expect(passages.map(({ start, end }) => document.text.slice(start, end)).join('')).toBe(document.text);
    for (const [index, passage] of passages.entries()) {
      expect(passage.index).toBe(index);
      if (document.text.slice(passage.start, passage.end).trim() === '') continue;
      const before = document.text.slice(
        0,
        passage.start + (document.text.slice(passage.start, passage.end).match(/^\s*/)?.[0].length ?? 0),
      );
      expect(passage.lineStart).toBe(before.split('\n').length);
      expect(passage.lineEnd).toBeGreaterThanOrEqual(passage.lineStart);
    }
  };

  it('of our own sources: the file and lines of each definition', async () => {
    const source = join(import.meta.dirname, 'scan.ts');
    const document = await documentOf('scan.ts', await readFile(source));
    check(document);
    const passage = ingest.passages(document).find(({ defines }) => defines.includes('scanFolder'));
    expect(passage).toBeDefined();
    const lines = document.text.split('\n').slice((passage?.lineStart ?? 0) - 1, passage?.lineEnd);
    expect(lines.join('\n')).toContain('async function* scanFolder(');
  });

  it('every character of every file of this repository lies in one passage', async () => {
    for (const root of ['src', 'docs', 'native']) {
      const path = join(import.meta.dirname, '../../..', root);
      if (!existsSync(path)) continue;
      for (const entry of (await entriesOf(path)).filter((found) => found.outcome === null))
        check(await ingest.extract(entry));
    }
  });

  it('hostile shapes: one endless line, no line at all, deep indentation', async () => {
    const shapes = {
      'a.js': 'x'.repeat(200_000),
      'b.json': `[${'1,'.repeat(50_000)}1]`,
      'c.py': Array.from({ length: 2000 }, (_, depth) => `${' '.repeat(depth)}if x:`).join('\n'),
      'd.txt': '😀'.repeat(5000),
      'e.md': '#'.repeat(3000),
      'f.ts': '{'.repeat(5000),
      'g.txt': '\n'.repeat(5000) + 'x',
    };
    for (const [name, content] of Object.entries(shapes)) {
      const document = await documentOf(name, content);
      check(document);
      for (const { start, end } of ingest.passages(document)) expect(end - start, name).toBeLessThan(12_000);
    }
  });

  const books = join(data, 'epub3-samples');
  it.skipIf(!existsSync(books))(
    'of a novel: no passage crosses a chapter, but for a bare title before it (skipped without data/epub3-samples)',
    { timeout: 60_000 },
    async () => {
      expect(readdirSync(books).length).toBeGreaterThan(0);
      for (const entry of await entriesOf(books)) {
        const document = await ingest.extract(entry);
        const passages = ingest.passages(document);
        expect(passages.map(({ start, end }) => document.text.slice(start, end)).join('')).toBe(
          document.text,
        );
        const chapters = document.sections
          .filter(({ headings }) => headings.length === 2)
          .map(({ start }) => start);
        for (const { start, end } of passages)
          expect(
            chapters.filter((chapter) => chapter > start + 160 && chapter < end),
            `${entry.path} ${String(start)}`,
          ).toEqual([]);
        const sizes = passages.map(({ start, end }) => end - start).sort((a, b) => a - b);
        console.log(
          `${entry.path}: ${String(passages.length)} passages, median ${String(sizes[sizes.length >> 1])} characters`,
        );
      }
    },
  );
});
