/**
 * Damaged copies of a file of each format through the pool: text, or a reason; never a crash, a hang or silence.
 * `npm run fuzz` makes 10,000 copies a format, `npm test` 100. With LONGLEAF_FUZZ_RESULT the counts of each finished
 * format are written to that file, beside those that stand in it.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, extname, join, resolve } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { AppError } from '../../shared/errors.ts';
import type { FileOutcome } from '../../shared/model/index.ts';
import { createIngest, type Ingest, type ScanEntry } from './index.ts';
import { data, has } from './testing/data.fixture.ts';

const wanted = process.env['LONGLEAF_FUZZ_COPIES'];
const copies = wanted === undefined ? 100 : Math.min(10_000, Number(wanted));
const resultFile = process.env['LONGLEAF_FUZZ_RESULT'];
/** files that are damaged and read together */
const atOnce = 50;
const samples = [
  'pdfjs/tracemonkey_a11y.pdf',
  'pdfjs/arial_unicode_en_cidfont.pdf',
  'tika/testWORD.docx',
  'tika/testODFwithOOo3.odt',
  join(import.meta.dirname, 'testing/lecture.pptx'),
  join(import.meta.dirname, 'testing/whales.xlsx'),
  'epub3-samples/wasteland.epub',
  'tika/test-documents.zip',
  'tika/testHTML_utf8.html',
];
const written: Readonly<Record<string, string>> = {
  'a.rtf': `{\\rtf1\\ansi{\\fonttbl{\\f0\\fcharset128 A;}}${"\\pard\\u8364? \\'93\\'8c{\\b x}\\par".repeat(40)}}`,
  'a.eml':
    'From: a@b\nSubject: =?utf-8?q?x?=\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n--b--\n',
  'a.mbox': 'From a@b Thu Oct 18 10:00:00 1851\nSubject: one\n\ntext\n\n'.repeat(20),
  'a.ipynb': JSON.stringify({
    cells: Array.from({ length: 20 }, () => ({ cell_type: 'code', source: ['x'], outputs: [{ text: 'y' }] })),
  }),
  'a.tex': '\\section{A {b} c}\ntext % \\section{no}\n'.repeat(50),
  'a.srt': '1\n00:00:01,000 --> 00:00:02,000\n<i>a</i>\n\n'.repeat(50),
  'a.csv': 'a,b\n"1\n2",3\n'.repeat(50),
  'a.rst': 'Title\n=====\n\ntext\n\n'.repeat(50),
};

/** mulberry32: the same copies in every run */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** bytes changed, a stretch cut out, doubled or zeroed, or the end missing */
function damaged(whole: Buffer, random: (below: number) => number): Buffer {
  const copy = Buffer.from(whole);
  const kind = random(5);
  const from = random(copy.length);
  const to = Math.min(copy.length, from + 1 + random(256));
  if (kind === 0) return copy.subarray(0, from);
  if (kind === 1) return Buffer.concat([copy.subarray(0, from), copy.subarray(to)]);
  if (kind === 2) return Buffer.concat([copy.subarray(0, to), copy.subarray(from)]);
  if (kind === 3) copy.fill(0, from, to);
  else for (let count = 1 + random(16); count > 0; count--) copy[random(copy.length)] = random(256);
  return copy;
}

/** Formats take hours together: what one run has finished stands beside what others have. */
function record(file: string, format: string, result: object): void {
  const known = existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as { formats?: Record<string, object> })
    : {};
  const date = new Date().toISOString();
  const formats = { ...known.formats, [format]: { date, ...result } };
  writeFileSync(file, `${JSON.stringify({ formats }, null, 2)}\n`);
}

describe('fuzz: damaged copies of every format', () => {
  let folder: string;
  let ingest: Ingest;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'longleaf-fuzz-'));
    ingest = createIngest({ workers: 2 });
  });
  afterAll(async () => {
    await ingest.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function outcome(entry: ScanEntry): Promise<FileOutcome> {
    if (entry.outcome !== null) {
      expect(entry.reason ?? '').not.toBe('');
      return entry.outcome;
    }
    try {
      const document = await ingest.extract(entry);
      expect(document.text.trim()).not.toBe('');
      return document.outcome;
    } catch (error) {
      expect(error, entry.path).toBeInstanceOf(AppError);
      const { code, message } = error as AppError;
      expect(['invalid-input', 'unsupported', 'not-found'], `${entry.path}: ${message}`).toContain(code);
      expect(message, entry.path).not.toMatch(/failed unexpectedly|longer than the limit/);
      return 'refused';
    }
  }

  async function fuzz(name: string, whole: Buffer): Promise<void> {
    const random = randomOf(whole.length);
    const extension = extname(name);
    const counts = { read: 0, partly: 0, refused: 0, skipped: 0 };
    const begin = performance.now();
    for (let done = 0; done < copies; done += atOnce) {
      const paths = Array.from({ length: Math.min(atOnce, copies - done) }, (_, index) =>
        join(folder, `${String(index)}${extension}`),
      );
      await Promise.all(paths.map((path) => writeFile(path, damaged(whole, random))));
      const waits: Promise<FileOutcome>[] = [];
      for await (const entry of ingest.scan(paths, { maxFileBytes: 1 << 28 })) waits.push(outcome(entry));
      for (const ended of await Promise.all(waits)) counts[ended] += 1;
    }
    const seconds = Math.round((performance.now() - begin) / 1000);
    // an archive gives several files, or none
    if (resultFile !== undefined) record(resultFile, basename(name), { copies, files: counts, seconds });
  }

  for (const sample of samples)
    it.skipIf(!has(sample))(
      `${basename(sample)} (skipped without data)`,
      { timeout: Math.max(60_000, copies * 600) },
      async () => fuzz(sample, await readFile(resolve(data, sample))),
    );
  for (const [name, content] of Object.entries(written))
    it(name, { timeout: Math.max(60_000, copies * 600) }, () => fuzz(name, Buffer.from(content)));
});
