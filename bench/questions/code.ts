/**
 * "Where is X implemented?" for ten symbols of an installed package, picked by this script: right when the first
 * citation names the file and the line of the definition.
 *
 *   node boot.mjs run bench/questions/code.ts [--package eslint/lib] [--data DIR] [--save]
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openApp } from '../../src/main/app/index.ts';
import { benchModel, environment, writeResult } from '../environment.ts';
import { addLibrary, ask } from './ask.ts';

interface Definition {
  readonly name: string;
  /** path within the library */
  readonly path: string;
  readonly line: number;
}

const SYMBOLS = 10;
const DEFINES = /^(?:export\s+)?(?:default\s+)?(?:async\s+)?(?:function\*?|class)\s+([A-Za-z_$][\w$]{5,})/;
const SOURCE = /\.(?:[cm]?js|[cm]?ts|py|go|rs|java)$/;

/** Top-level functions and classes that are defined exactly once in the folder, in order of path and line. */
async function definitions(folder: string): Promise<Definition[]> {
  const found = new Map<string, Definition[]>();
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter(
    (entry) => entry.isFile() && SOURCE.test(entry.name) && !entry.name.endsWith('.d.ts'),
  );
  for (const file of files.map((entry) => join(entry.parentPath, entry.name)).sort()) {
    const path = `${basename(folder)}/${relative(folder, file).replaceAll('\\', '/')}`;
    for (const [i, text] of (await readFile(file, 'utf8')).split('\n').entries()) {
      const name = DEFINES.exec(text)?.[1];
      if (name !== undefined) found.set(name, [...(found.get(name) ?? []), { name, path, line: i + 1 }]);
    }
  }
  return [...found.values()].flatMap((same) => (same.length === 1 ? same : []));
}

/** Evenly spread over the package, so that no hand picks them. */
function pick(all: readonly Definition[]): Definition[] {
  return Array.from(
    { length: SYMBOLS },
    (_, i) => all[Math.floor(((i + 0.5) * all.length) / SYMBOLS)],
  ).filter((definition) => definition !== undefined);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      package: { type: 'string', default: 'eslint/lib' },
      data: { type: 'string' },
      save: { type: 'boolean', default: false },
    },
  });
  const folder = fileURLToPath(new URL(`../../node_modules/${values.package}`, import.meta.url));
  const symbols = pick(await definitions(folder));
  const model = await benchModel();
  const dataFolder = values.data ?? (await mkdtemp(join(tmpdir(), 'longleaf-code-')));
  const app = await openApp({ dataFolder, defaults: { model: model.path } });
  try {
    const { tokens, files, seconds } = await addLibrary(app, 'code', [folder], 'never');
    console.log(
      `${values.package}: ${String(files.length)} files, ${String(tokens)} tokens, ${seconds.toFixed(1)} s`,
    );
    const results = [];
    for (const symbol of symbols) {
      const { answer, citations } = await ask(app, {
        question: `Where is ${symbol.name} implemented?`,
        library: 'code',
        sampling: { maxTokens: 64 },
      });
      const [first] = citations;
      const right =
        first?.path === symbol.path &&
        (first.lineStart ?? 0) <= symbol.line &&
        (first.lineEnd ?? 0) >= symbol.line;
      const cited =
        first === undefined
          ? 'nothing'
          : `${first.path}:${String(first.lineStart)} ${first.quote.slice(0, 80)}`;
      console.log(
        `${right ? 'right' : 'WRONG'} ${symbol.name} (${symbol.path}:${String(symbol.line)}): ${cited}`,
      );
      results.push({ ...symbol, right, cited, answer });
    }
    const count = `${String(results.filter(({ right }) => right).length)} of ${String(results.length)}`;
    console.log(`file and line of the definition cited: ${count}`);
    if (values.save) {
      const corpus = { package: values.package, files: files.length, tokens };
      writeResult('questions-code', { environment: environment(), model: model.id, corpus, count, results });
    }
  } finally {
    await app.close();
    if (values.data === undefined) await rm(dataFolder, { recursive: true, force: true });
  }
}

await main();
