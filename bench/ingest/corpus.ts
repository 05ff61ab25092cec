/**
 * A folder of text files of any number: paragraphs of a real novel and blocks of real source code, drawn and put together
 * by one seed, so that words, tokens and lines are as they are, and no two files are equal.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createIngest } from '../../src/main/ingest/index.ts';
import { randomOf } from '../search/texts.ts';

export interface CorpusSize {
  readonly files: number;
  /** of a file, on average; they have from a quarter to 7 quarters of it */
  readonly bytes: number;
}

const CODE = fileURLToPath(new URL('../../node_modules/eslint/lib', import.meta.url));
/** of ten files: what they are made of */
const KINDS = ['txt', 'txt', 'txt', 'txt', 'md', 'md', 'html', 'js', 'js', 'js'] as const;
type Kind = (typeof KINDS)[number];
/** files of a folder */
const FOLDER = 200;

/** @param book an EPUB */
export async function writeCorpus(folder: string, size: CorpusSize, book: string): Promise<void> {
  const pools = { prose: await paragraphsOf(book), code: blocksBelow(CODE) };
  const random = randomOf(7);
  for (let i = 0; i < size.files; i++) {
    const kind = KINDS[i % KINDS.length] ?? 'txt';
    const path = join(folder, `part-${String(Math.floor(i / FOLDER))}`, `file-${String(i)}.${kind}`);
    if (i % FOLDER === 0) mkdirSync(dirname(path), { recursive: true });
    const wanted = Math.floor(size.bytes * (0.25 + 1.5 * random()));
    const parts: string[] = [];
    const pool = kind === 'js' ? pools.code : pools.prose;
    for (let bytes = 0; bytes < wanted;) {
      const part = pool[Math.floor(random() * pool.length)] ?? '';
      parts.push(part);
      bytes += part.length + 2;
    }
    writeFileSync(path, fileOf(kind, i, parts));
  }
}

function fileOf(kind: Kind, number: number, parts: readonly string[]): string {
  const title = `Part ${String(number)}`;
  if (kind === 'js') return parts.join('\n\n');
  if (kind === 'html')
    return `<html><title>${title}</title><body><h1>${title}</h1>${parts.map((part) => `<p>${part}</p>`).join('\n')}</body></html>`;
  if (kind === 'txt') return parts.join('\n\n');
  return `# ${title}\n\n${parts.map((part, at) => (at % 8 === 7 ? `## Section ${String(at)}\n\n${part}` : part)).join('\n\n')}\n`;
}

async function paragraphsOf(book: string): Promise<readonly string[]> {
  if (!existsSync(book)) throw new Error(`There is no ${book}: set LONGLEAF_TEST_DATA.`);
  const ingest = createIngest({ workers: 1 });
  try {
    for await (const entry of ingest.scan([book], { maxFileBytes: 2 ** 28 }))
      return (await ingest.extract(entry)).text.split(/\n{2,}/).filter((part) => part.length > 40);
    return [];
  } finally {
    await ingest.close();
  }
}

function blocksBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.js'))
    .sort()
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split(/\n{2,}(?=\S)/))
    .filter((block) => block.length > 40);
}
