/** A folder of mixed files to index: text, code, tables, pages, and samples of the formats that take longest. */
import { copyFileSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import yazl from 'yazl';

/** below the test data; where they are missing, the folder is made of generated files alone */
const SAMPLES = [
  'epub3-samples/moby-dick.epub',
  'epub3-samples/childrens-literature.epub',
  'pdfjs/ThuluthFeatures.pdf',
  'pdfjs/bug1245391_reduced.pdf',
  'mammoth/comments.docx',
  'own/zip/slip-dotdot.zip',
  'chardet/SHIFT_JIS/10e.org.xml',
];

export interface CorpusSize {
  /** generated files, and those in an archive */
  readonly files: number;
  readonly zipped: number;
  /** larger samples are left out */
  readonly maxSampleBytes: number;
}

/** @returns names of the samples that were there */
export async function writeCorpus(
  folder: string,
  size: CorpusSize,
  testData: string,
): Promise<readonly string[]> {
  for (let i = 0; i < size.files; i++) {
    const file = join(folder, `part-${String(i % 40).padStart(2, '0')}`, fileName(i));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, contentOf(i));
  }
  const samples = SAMPLES.map((path) => join(testData, path)).filter(
    (path) => existsSync(path) && statSync(path).size <= size.maxSampleBytes,
  );
  mkdirSync(join(folder, 'samples'), { recursive: true });
  for (const sample of samples) copyFileSync(sample, join(folder, 'samples', basename(sample)));
  writeFileSync(join(folder, 'samples', 'parts.zip'), await zipOf(size.zipped));
  writeFileSync(join(folder, 'samples', 'broken.epub'), 'PK\x03\x04 no archive');
  return samples.map((path) => basename(path));
}

/** number of the first file in the archive: their texts are not among the others */
const FIRST_ZIPPED = 1_000_001;

function zipOf(files: number): Promise<Buffer> {
  const archive = new yazl.ZipFile();
  for (let i = FIRST_ZIPPED; i < FIRST_ZIPPED + files; i++)
    archive.addBuffer(Buffer.from(contentOf(i)), fileName(i), { mtime: new Date(0) });
  archive.end();
  return buffer(archive.outputStream);
}

const KINDS = ['md', 'ts', 'csv', 'html', 'txt', 'json'] as const;

function fileName(i: number): string {
  return `file-${String(i).padStart(5, '0')}.${KINDS[i % KINDS.length] ?? 'txt'}`;
}

/** Each file another text, except that every 50th is a copy of the one 50 before: duplicates are stored once. */
function contentOf(i: number): string {
  const n = i % 100 === 50 ? i - 50 : i;
  const lines = Array.from(
    { length: 20 + (n % 60) },
    (_, line) =>
      `In paragraph ${String(line)} of part ${String(n)} the mate counted ${String(n * 7 + line)} barrels.`,
  );
  switch (KINDS[i % KINDS.length]) {
    case 'ts':
      return lines
        .map((line, at) => `export function count${String(n)}_${String(at)}() {\n  return '${line}';\n}`)
        .join('\n');
    case 'csv':
      return ['part,words', ...lines.map((line, at) => `${String(at)},${line}`)].join('\n');
    case 'html':
      return `<h1>Part ${String(n)}</h1>${lines.map((line) => `<p>${line}</p>`).join('\n')}`;
    case 'json':
      return JSON.stringify({ part: n, lines }, null, 1);
    default:
      return `# Part ${String(n)}\n\n${lines.join('\n\n')}\n`;
  }
}
