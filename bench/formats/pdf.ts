/**
 * PDF text next to pdftotext (poppler): the share of its characters that ours has, in order, file by file.
 * Skipped where poppler-utils is missing.
 *
 *   node boot.mjs run bench/formats/pdf.ts [FOLDER] [--out FILE.json]
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { AppError } from '../../src/shared/errors.ts';
import { createIngest, type ScanEntry } from '../../src/main/ingest/index.ts';
import { environment } from '../environment.ts';
import { bareCharacters, commonInOrder } from './in-order.ts';

interface Row {
  readonly file: string;
  readonly ours: number;
  readonly theirs: number;
  /** of their characters, in order; null: they have none */
  readonly share: number | null;
  readonly reason: string | null;
  readonly seconds: number;
}

/** Read by hand: here pdftotext is wrong or shows what is no text of the page, and the share says nothing. */
const judged: Readonly<Record<string, string>> = {
  'XiaoBiaoSong.pdf': 'ours is Chinese, theirs is GBK read as Latin-1',
  'SimFang-variant.pdf': 'ours is Chinese, theirs is GBK read as Latin-1',
  'ThuluthFeatures.pdf': 'glyphs without meaning (no Unicode map) in both',
  'issue4550.pdf': 'glyphs without meaning (no Unicode map) in both',
  'issue2017r.pdf': 'ours has the accented letters, theirs signs',
  'issue14999_reduced.pdf': 'a font without the letter c; words of two lines in theirs too',
  'issue14627.pdf': 'ours has the sentences in order, theirs not',
  'issue18117.pdf': 'ours has the rare characters, theirs not',
  'evaljs.pdf': 'captions of buttons',
  'js-authors.pdf': 'captions of buttons',
  'secHandler.pdf': 'captions of buttons',
};

const data = process.env['LONGLEAF_TEST_DATA'] ?? join(import.meta.dirname, '../../../shared/data');
const { values, positionals } = parseArgs({ options: { out: { type: 'string' } }, allowPositionals: true });
const folder = positionals[0] ?? join(data, 'pdfjs');

if (spawnSync('pdftotext', ['-v']).error !== undefined || !existsSync(folder)) {
  console.error(`skipped: needs pdftotext (poppler-utils) and ${folder}`);
  process.exit(0);
}
const rows: Row[] = [];
const ingest = createIngest({ workers: 1 });
for (const name of readdirSync(folder)
  .filter((file) => file.endsWith('.pdf'))
  .sort()) {
  const row = await measure(join(folder, name), name);
  rows.push(row);
  const share = row.share === null ? '     –' : `${(100 * row.share).toFixed(2).padStart(6)} %`;
  console.error(
    `${share} ${String(row.theirs).padStart(8)} ${row.seconds.toFixed(1)} s ${name} ${row.reason ?? ''}`,
  );
}
await ingest.close();
report();

async function measure(path: string, file: string): Promise<Row> {
  const poppler = spawnSync('pdftotext', ['-enc', 'UTF-8', path, '-'], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const theirs = poppler.status === 0 ? bareCharacters(poppler.stdout) : '';
  const start = performance.now();
  const { text, reason } = await ourText(path);
  const seconds = (performance.now() - start) / 1000;
  const ours = bareCharacters(text);
  const share = theirs === '' ? null : commonInOrder(ours, theirs) / theirs.length;
  return { file, ours: ours.length, theirs: theirs.length, share, reason, seconds };
}

async function ourText(path: string): Promise<{ text: string; reason: string | null }> {
  const { size, mtimeMs } = statSync(path);
  const entry: ScanEntry = {
    path,
    absolutePath: path,
    bytes: size,
    mtimeMs,
    kind: 'pdf',
    outcome: null,
    reason: null,
  };
  try {
    return await ingest.extract(entry);
  } catch (error) {
    if (error instanceof AppError) return { text: '', reason: error.message };
    throw error;
  }
}

function report(): void {
  const withText = rows.filter((row) => row.share !== null);
  const compared = withText.filter((row) => !(row.file in judged));
  const result = {
    name: 'formats-pdf',
    ...environment(),
    files: rows.length,
    withText: withText.length,
    compared: compared.length,
    judged,
    /** of all characters that pdftotext gives */
    inOrder: shareOf(compared),
    /** the same with the judged files, in which theirs is no truth */
    inOrderWithJudged: shareOf(withText),
    filesAt98: compared.filter((row) => (row.share ?? 0) >= 0.98).length,
    seconds: rows.reduce((sum, row) => sum + row.seconds, 0),
    below98: compared
      .filter((row) => (row.share ?? 0) < 0.98)
      .map(({ file, share, theirs: size, reason }) => ({ file, share, theirs: size, reason })),
  };
  if (values.out !== undefined) writeFileSync(values.out, `${JSON.stringify(result, null, 2)}\n`);
  console.log(JSON.stringify(result));
}

function shareOf(some: readonly Row[]): number {
  const theirs = some.reduce((sum, row) => sum + row.theirs, 0);
  return some.reduce((sum, row) => sum + (row.share ?? 0) * row.theirs, 0) / theirs;
}
