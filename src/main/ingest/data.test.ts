/**
 * All test data through the pool, as a library would take it: each file ends as read, partly, refused or skipped with
 * a reason, within the limits of time and memory, and nothing is written or fetched.
 */
import { readdirSync, statSync } from 'node:fs';
import { mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { AppError } from '../../shared/errors.ts';
import { createIngest, type Ingest, type ScanEntry } from './index.ts';
import { data, has, read } from './testing/data.fixture.ts';

interface Ended {
  readonly path: string;
  readonly outcome: string;
  readonly reason: string | null;
  readonly characters: number;
  readonly ms: number;
}

let ingest: Ingest;
beforeAll(() => {
  ingest = createIngest({ workers: 2, timeLimit: 30_000 });
});
afterAll(() => ingest.close());

/** @param roots below the test data, or absolute */
async function endOf(roots: readonly string[]): Promise<Ended[]> {
  const ends: Promise<Ended>[] = [];
  const options = { maxFileBytes: 1 << 28 };
  for await (const entry of ingest.scan(
    roots.map((root) => join(data, root)),
    options,
  ))
    ends.push(end(entry));
  return Promise.all(ends);
}

async function end(entry: ScanEntry): Promise<Ended> {
  const { path, outcome, reason } = entry;
  if (outcome !== null) return { path, outcome, reason, characters: 0, ms: 0 };
  const start = performance.now();
  const done = (): number => performance.now() - start;
  try {
    const document = await ingest.extract(entry);
    return {
      path,
      outcome: document.outcome,
      reason: document.reason,
      characters: document.text.trim().length,
      ms: done(),
    };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { path, outcome: 'refused', reason: `${error.code}: ${error.message}`, characters: 0, ms: done() };
  }
}

/** every file with its size and time: whoever writes there is seen */
function listing(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => {
      const { size, mtimeMs } = statSync(join(folder, name));
      return `${name} ${String(size)} ${String(mtimeMs)}`;
    })
    .sort();
}

describe.skipIf(!has('own'))('all test data (skipped without data)', () => {
  it(
    'each file ends with text or with a reason; none is silently empty, none fails unexpectedly',
    { timeout: 120_000 },
    async () => {
      const before = listing(data);
      const ends = await endOf(['.']);
      expect(listing(data)).toEqual(before);
      expect(ends.length).toBeGreaterThan(1_000);
      for (const { path, outcome, reason, characters } of ends) {
        if (outcome === 'read' || outcome === 'partly') expect(characters, path).toBeGreaterThan(0);
        if (outcome !== 'read') expect(reason ?? '', path).not.toBe('');
        expect(reason ?? '', path).not.toMatch(
          /internal|failed unexpectedly|longer than the limit of \d+ s|more memory/,
        );
      }
      const counts = Object.groupBy(ends, ({ outcome }) => outcome);
      const slowest = ends.reduce((most, one) => (one.ms > most.ms ? one : most));
      console.log(
        Object.entries(counts)
          .map(([outcome, list]) => `${outcome} ${String(list?.length)}`)
          .join(', ') + `; longest wait ${(slowest.ms / 1000).toFixed(1)} s`,
      );
    },
  );

  it('own/EXPECTED.tsv: archives and documents', { timeout: 60_000 }, async () => {
    const ends = new Map((await endOf(['own'])).map((one) => [one.path, one]));
    const reasonOf = (path: string): string => ends.get(`own/${path}`)?.reason ?? '';
    expect(reasonOf('zip/slip-dotdot.zip')).toMatch(/outside itself/);
    expect(reasonOf('zip/slip-abs.zip')).toMatch(/outside itself/);
    expect(reasonOf('zip/slip-backslash.zip')).toMatch(/outside itself/);
    expect(reasonOf('zip/slip-dotdot-encoded.zip/%2e%2e/%2e%2e/evil.txt')).toMatch(/outside of the archive/);
    expect(reasonOf('zip/name-con.zip/CON.txt')).toMatch(/reserved/);
    expect(reasonOf('zip/name-ads.zip/a.txt:evil')).toMatch(/colon/);
    expect(reasonOf('zip/name-rtl.zip/a\\u202efdp.exe')).toMatch(/turn the text around/);
    expect(reasonOf('zip/bomb-nested-8.zip/n7-0.zip')).toMatch(/inside an archive/);
    expect(ends.get('own/zip/name-con.zip/ok.txt')?.outcome).toBe('read');
    expect(reasonOf('docx/xml-512MiB.docx')).toMatch(/limit/);
  });

  it('no connection is made, whatever a document names', async () => {
    const connect = vi.spyOn(Socket.prototype, 'connect');
    const fetched = vi.spyOn(globalThis, 'fetch');
    const files = [
      'own/epub/spine-abs-url.epub',
      'own/docx/xxe.docx',
      'tika/testExternalRefs.docx',
      'tika/testHTML.html',
    ];
    const pdfs = [
      'pdfjs/file_url_link.pdf',
      'pdfjs/evaljs.pdf',
      'tika/testPDF_jsActionOnPage.pdf',
      'pdfjs/noembed-eucjp.pdf',
    ];
    for (const file of [...files, ...pdfs])
      await read(file).catch((error: unknown) => expect(error).toBeInstanceOf(AppError));
    expect(connect).not.toHaveBeenCalled();
    expect(fetched).not.toHaveBeenCalled();
    vi.restoreAllMocks();
  });
});

describe('awkward files', () => {
  it(
    'links in a circle, empty, NUL, white space, one long line: each is said, and nothing hangs',
    { timeout: 60_000 },
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'longleaf-awkward-'));
      try {
        await symlink(folder, join(folder, 'loop'));
        await writeFile(join(folder, 'empty.txt'), '');
        await writeFile(join(folder, 'nul.txt'), Buffer.alloc(5000));
        await writeFile(join(folder, 'space.md'), ' \n\t'.repeat(1000));
        await writeFile(join(folder, 'line.txt'), 'one long line without an end '.repeat(500_000));
        await writeFile(join(folder, 'letters.txt'), 'x'.repeat(10_000_000));
        // 1 GB in one line: what lies behind the letters is a hole of zeros, which nobody may read
        await writeFile(join(folder, 'huge.txt'), 'one long line '.repeat(1000));
        await truncate(join(folder, 'huge.txt'), 2 ** 30);
        const ends: Ended[] = [];
        for await (const entry of ingest.scan([folder], { maxFileBytes: 1 << 28 }))
          ends.push(await end(entry));
        const of = (name: string): Ended | undefined => ends.find(({ path }) => path.endsWith(`/${name}`));
        expect(of('loop')?.reason).toMatch(/links are not followed/);
        expect(of('empty.txt')?.reason).toMatch(/nothing in it/);
        expect(of('nul.txt')?.reason).toMatch(/binary/);
        expect(of('space.md')?.reason).toMatch(/nothing in it/);
        expect(of('line.txt')?.outcome).toBe('read');
        expect(of('letters.txt')?.outcome).toBe('read');
        expect(of('huge.txt')).toMatchObject({ outcome: 'skipped', ms: 0 });
        expect(of('huge.txt')?.reason).toMatch(/larger than the limit of 256 MB/);
        for (const one of ends) expect(one.ms, one.path).toBeLessThan(30_000);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  );
});
