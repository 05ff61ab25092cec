/**
 * Definitions that passages of source code name, next to those that tree-sitter's grammars find (definitions.py), by file
 * and name: functions, methods, classes, types. Skipped where Python (PYTHON, else python3) has no tree_sitter.
 *
 *   node boot.mjs run bench/formats/definitions.ts [--save] LANGUAGE=FOLDER …
 *
 * "Whole": of the definitions that fit one passage (300 tokens), how many lie in one.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import * as v from 'valibot';
import { createIngest } from '../../src/main/ingest/index.ts';
import type { Passage } from '../../src/shared/model/index.ts';
import { environment, writeResult } from '../environment.ts';

/** tokens that fit one passage */
const PASSAGE = 300;
/** about as many characters as a token has (passages/cost.ts) */
const CHARACTERS_PER_TOKEN = 1 / 0.26;
const MAX_FILES = 400;
const PYTHON = process.env['PYTHON'] ?? 'python3';

const tag = v.object({ path: v.string(), name: v.string(), line: v.number(), end: v.number() });
type Tag = v.InferOutput<typeof tag>;

const EXTENSIONS: Readonly<Record<string, readonly string[]>> = {
  JavaScript: ['.js', '.mjs', '.cjs'],
  TypeScript: ['.ts'],
  Python: ['.py'],
  C: ['.c', '.h'],
  'C++': ['.cpp', '.hpp', '.cc'],
  Go: ['.go'],
  Rust: ['.rs'],
  Java: ['.java'],
};

interface Figures {
  readonly files: number;
  /** by tree-sitter, and how many of them passages name */
  readonly definitions: number;
  readonly named: number;
  /** named by passages, and how many of them tree-sitter has */
  readonly ours: number;
  readonly known: number;
  readonly fitting: number;
  readonly whole: number;
}

async function measure(language: string, folder: string): Promise<Figures> {
  const extensions = EXTENSIONS[language];
  if (extensions === undefined) throw new Error(`One of: ${Object.keys(EXTENSIONS).join(', ')}.`);
  const all = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => extensions.some((one) => name.endsWith(one)) && !name.endsWith('.d.ts'))
    .sort();
  const step = Math.max(1, all.length / MAX_FILES);
  const chosen = all.filter((_, i) => Math.floor(i / step) !== Math.floor((i - 1) / step));
  const files = chosen.map((name) => resolve(folder, name));
  const tags = tagsOf(language, files);
  const ingest = createIngest({ workers: 1, targetTokens: PASSAGE });
  const sum = { files: 0, definitions: 0, named: 0, ours: 0, known: 0, fitting: 0, whole: 0 };
  try {
    for await (const entry of ingest.scan(files, { maxFileBytes: 2 ** 28 })) {
      if (entry.kind !== 'code') continue;
      const document = await ingest.extract(entry).catch(() => null);
      const own = tags.get(entry.absolutePath) ?? [];
      if (document === null) continue;
      const passages = ingest.passages(document);
      const names = new Set(
        own.map(bareName).filter((name) => name !== 'constructor' && /^[\p{L}_$~]/u.test(name)),
      );
      const defines = new Set(passages.flatMap((one) => one.defines));
      sum.files += 1;
      sum.definitions += names.size;
      sum.named += [...names].filter((name) => defines.has(name)).length;
      sum.ours += defines.size;
      sum.known += [...defines].filter((name) => names.has(name)).length;
      const lines = readFileSync(entry.absolutePath, 'utf8').split('\n');
      const fitting = own.filter((one) => fits(one, lines));
      sum.fitting += fitting.length;
      sum.whole += fitting.filter((one) => passages.some((passage) => holds(passage, one))).length;
    }
    return sum;
  } finally {
    await ingest.close();
  }
}

/** A private method is found by its name without #; what stands in quotation marks or brackets is no name. */
function bareName({ name }: Tag): string {
  return name.replace(/^#/, '');
}

function fits({ line, end }: Tag, lines: readonly string[]): boolean {
  return lines.slice(line - 1, end).join('\n').length <= PASSAGE * CHARACTERS_PER_TOKEN;
}

function holds({ lineStart, lineEnd }: Passage, { line, end }: Tag): boolean {
  return lineStart <= line && end <= lineEnd;
}

function tagsOf(language: string, files: readonly string[]): Map<string, Tag[]> {
  const { stdout, status, stderr } = spawnSync(
    PYTHON,
    [join(import.meta.dirname, 'definitions.py'), language],
    {
      input: files.join('\n'),
      encoding: 'utf8',
      maxBuffer: 2 ** 29,
    },
  );
  if (status !== 0) throw new Error(`definitions.py: ${stderr}`);
  const found = new Map<string, Tag[]>();
  for (const line of stdout.split('\n')) {
    if (line === '') continue;
    const one = v.parse(tag, JSON.parse(line));
    found.set(one.path, [...(found.get(one.path) ?? []), one]);
  }
  return found;
}

const { values, positionals } = parseArgs({
  options: { save: { type: 'boolean', default: false } },
  allowPositionals: true,
});
if (spawnSync(PYTHON, ['-c', 'import tree_sitter']).status !== 0) {
  console.error('skipped: needs Python with tree-sitter and its grammars');
  process.exit(0);
}
const languages: Record<string, Figures> = {};
for (const given of positionals) {
  const [language = '', folder = ''] = given.split('=');
  languages[language] = await measure(language, folder);
  console.log(language, JSON.stringify(languages[language]));
}
if (values.save) writeResult('formats-definitions', { environment: environment(), languages });
