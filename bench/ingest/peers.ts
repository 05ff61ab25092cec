/** What other programs take for the same part of the work, in the same run. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { openGguf } from '../../src/main/formats/index.ts';
import { createIngest } from '../../src/main/ingest/index.ts';
import { createTokenizer } from '../../src/main/tokenizer/index.ts';

export interface PdfPeer {
  readonly files: number;
  readonly megabytes: number;
  /** of the clock, one file after the other on one core each */
  readonly ourSeconds: number;
  readonly theirSeconds: number;
}

/** a PDF for which pdftotext takes longer is left out (bomb_giant.pdf: minutes) */
const LONGEST_MS = 5_000;

/** PDFs that both can open. null: there is no pdftotext, or no such folder */
export async function pdfNextToPdftotext(folder: string): Promise<PdfPeer | null> {
  if (!existsSync(folder) || spawnSync('pdftotext', ['-v']).error !== undefined) return null;
  const ingest = createIngest({ workers: 1 });
  const sum = { files: 0, megabytes: 0, ourSeconds: 0, theirSeconds: 0 };
  try {
    for (const name of readdirSync(folder).filter((file) => file.endsWith('.pdf'))) {
      const path = join(folder, name);
      const { size, mtimeMs } = statSync(path);
      const entry = {
        path,
        absolutePath: path,
        bytes: size,
        mtimeMs,
        kind: 'pdf',
        outcome: null,
        reason: null,
      } as const;
      const begin = performance.now();
      const isRead = await ingest.extract(entry).then(
        () => true,
        () => false,
      );
      const middle = performance.now();
      const { status } = spawnSync('pdftotext', ['-enc', 'UTF-8', path, '-'], {
        maxBuffer: 2 ** 28,
        timeout: LONGEST_MS,
      });
      if (!isRead || status !== 0) continue;
      sum.files += 1;
      sum.megabytes += size / 1e6;
      sum.ourSeconds += (middle - begin) / 1000;
      sum.theirSeconds += (performance.now() - middle) / 1000;
    }
    return sum;
  } finally {
    await ingest.close();
  }
}

export interface TokenPeer {
  readonly version: string;
  readonly megabytes: number;
  readonly ourTokens: number;
  readonly theirTokens: number;
  readonly ourCpuSeconds: number;
  readonly theirCpuSeconds: number;
}

/** code units given at once, as the app does it (app/encode-text.ts) */
const PIECE = 100_000;
const answer = v.object({ version: v.string(), tokens: v.number(), cpuSeconds: v.number() });

/** Ids of a book. null: there is no Python (PYTHON, else python3) that has the package */
export async function tokensNextToTokenizers(
  model: string,
  book: string,
  folder: string,
): Promise<TokenPeer | null> {
  const python = process.env['PYTHON'] ?? 'python3';
  if (spawnSync(python, ['-c', 'import tokenizers']).status !== 0) return null;
  const text = await textOf(book);
  const file = join(folder, 'book.txt');
  writeFileSync(file, text);
  const gguf = await openGguf(model);
  try {
    const list = (key: string): readonly string[] => v.parse(v.array(v.string()), gguf.metadata.get(key));
    const task = {
      text: file,
      piece: PIECE,
      tokens: list('tokenizer.ggml.tokens'),
      merges: list('tokenizer.ggml.merges'),
    };
    const program = join(import.meta.dirname, 'token_ids.py');
    const { stdout, stderr, status } = spawnSync(python, [program], {
      input: JSON.stringify(task),
      encoding: 'utf8',
      env: { ...process.env, TOKENIZERS_PARALLELISM: 'false' },
    });
    if (status !== 0) throw new Error(`token_ids.py: ${stderr}`);
    const theirs = v.parse(answer, JSON.parse(stdout));
    const tokenizer = createTokenizer(gguf.metadata);
    const before = process.cpuUsage();
    let ourTokens = 0;
    for (let at = 0; at < text.length; at += PIECE)
      ourTokens += tokenizer.encode(text.slice(at, at + PIECE)).length;
    const { user, system } = process.cpuUsage(before);
    return {
      version: theirs.version,
      megabytes: Buffer.byteLength(text) / 1e6,
      ourTokens,
      theirTokens: theirs.tokens,
      ourCpuSeconds: (user + system) / 1e6,
      theirCpuSeconds: theirs.cpuSeconds,
    };
  } finally {
    await gguf.close();
  }
}

async function textOf(book: string): Promise<string> {
  const ingest = createIngest({ workers: 1 });
  try {
    for await (const entry of ingest.scan([book], { maxFileBytes: 2 ** 28 }))
      return (await ingest.extract(entry)).text;
    return '';
  } finally {
    await ingest.close();
  }
}
