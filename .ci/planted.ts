/**
 * Does every tool really report? A check that passes because it looked at nothing is worse than none (a type
 * checker has done that to us before). So each tool runs with this repository's configuration over a small
 * tree with one planted error per rule, and has to name every one of them.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { runStep, steps, type StepResult } from './steps.ts';

const configuration = [
  'package.json',
  'eslint.config.js',
  '.dependency-cruiser.cjs',
  'knip.jsonc',
  '.prettierrc.json',
  '.prettierignore',
  'tsconfig.json',
  'tsconfig.base.json',
  'tsconfig.node.json',
  'tsconfig.shared.json',
  'tsconfig.kernels.json',
  'tsconfig.browser.json',
  'tsconfig.renderer.json',
  'svelte.config.js',
];

/** file -> text with errors that `expected` names */
const plantedFiles: Readonly<Record<string, string>> = {
  'src/shared/web.d.ts': 'interface AbortSignal {}\n',
  'src/shared/page.ts': 'export const title = document.title;\n',
  'src/shared/impure.ts':
    "import { readFileSync } from 'node:fs';\nexport const text = readFileSync('x', 'utf8');\n",
  'src/main/store/index.ts': "export { open } from './open.ts';\nexport const kept = 1;\n",
  'src/main/store/open.ts':
    "import Database from 'better-sqlite3';\nimport { parse } from '../ingest/index.ts';\nexport const open = () => new Database(parse());\n",
  'src/main/embedding/index.ts':
    "import { open } from '../store/index.ts';\nexport const points = () => open();\n",
  'src/main/ingest/index.ts': "export { parse } from './parse.ts';\n",
  'src/main/ingest/parse.ts': "import { word } from './word.ts';\nexport const parse = () => word();\n",
  'src/main/ingest/word.ts':
    "import { parse } from './parse.ts';\nexport const word = (): string => (Math.random() > 2 ? parse() : 'word');\n",
  'src/main/engine/index.ts':
    'export const rows: string = 3;\nenum Colour { Red }\nexport const red = Colour.Red;\n',
  'src/main/app/index.ts':
    "import { open } from '../store/open.ts';\nimport fastCheck from 'fast-check';\nexport const app = () => [open, fastCheck];\n",
  'src/main/app/unformatted.ts': 'export   const unformatted = "double";\n',
  'src/main/app/orphan.ts': 'export const nobodyImportsMe = 1;\n',
  'src/main/app/list.ts': 'export const first: number = [1, 2][0];\n',
  'src/main/app/promises.ts': [
    'const work = async () => 1;',
    'work();',
    '[1].forEach(async () => await work());',
    'export const loose: any = 1;',
    "export type Kind = 'a' | 'b';",
    "export const name = (kind: Kind) => { switch (kind) { case 'a': return 1; } };",
    "import { URL } from 'node:url';",
    'export const link: URL | null = null;',
    '// eslint-disable-next-line no-console',
    "console.log('x');",
    '',
  ].join('\n'),
  'src/main/app/long.ts': 'export const x = 1;\n'.repeat(1) + '\n'.repeat(400) + 'export const y = 2;\n',
  'e2e/page.test.ts': 'export const title: number = document.title;\n',
  'src/renderer/Page.svelte': [
    '<script lang="ts">',
    "  import { app } from '../main/app/index.ts';",
    '  const { count }: { count: number } = $props();',
    '  const text: string = count;',
    '</script>',
    '',
    '<p style="color: red">{@html text}{app}</p>',
    '',
  ].join('\n'),
  'src/main/shell/index.ts':
    "import { app } from 'electron';\nimport { open } from '../store/index.ts';\napp.on('ready', open);\n",
  'src/main/http/index.ts': "import { app } from 'electron';\nexport const quit = () => app.quit();\n",
  'src/main/cli.ts':
    "import { app } from './app/index.ts';\nimport { open } from './store/index.ts';\napp().push(open);\n",
};

const expected: Readonly<Record<string, readonly string[]>> = {
  prettier: ['unformatted.ts'],
  eslint: [
    'no-floating-promises',
    'no-misused-promises',
    'no-explicit-any',
    'switch-exhaustiveness-check',
    'consistent-type-imports',
    'max-lines',
    'no-console',
    'no-at-html-tags',
    'style attributes',
  ],
  'types: shared': ["Cannot find name 'document'"],
  'types: node': ["Type 'number | undefined' is not assignable to type 'number'"],
  'types: kernels': ["Type 'number' is not assignable to type 'string'", 'erasableSyntaxOnly'],
  'types: browser': ["Type 'string' is not assignable to type 'number'"],
  'types: renderer': ["Type 'number' is not assignable to type 'string'"],
  architecture: [
    'renderer-is-apart',
    'no-cycles',
    'shared-is-pure',
    'leaves-are-apart',
    'embedding-is-apart',
    'through-the-index',
    'only-from:better-sqlite3',
    'only-from:electron',
    'shell-is-a-shell',
    'no-dev-dependencies',
  ],
  'dead code': ['orphan.ts', 'kept'],
};

/** One result per tool: ok when it failed and named every planted error. */
export async function checkTheChecks(root: string): Promise<StepResult> {
  const folder = mkdtempSync(join(tmpdir(), 'longleaf-planted-'));
  const begin = performance.now();
  const missed: string[] = [];
  try {
    for (const file of configuration) cpSync(join(root, file), join(folder, file));
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
    for (const [file, text] of Object.entries(plantedFiles)) {
      mkdirSync(join(folder, dirname(file)), { recursive: true });
      writeFileSync(join(folder, file), text);
    }
    for (const empty of ['native', 'bench', 'training']) mkdirSync(join(folder, empty));
    for (const step of steps) {
      const result = await runStep(step, root, folder);
      const wanted = expected[step.name] ?? ['an entry in planted.ts for this tool'];
      if (result.ok) missed.push(`${step.name} found nothing`);
      const silent = wanted.filter((text) => !result.output.includes(text));
      if (silent.length > 0)
        missed.push(`${step.name} does not report ${silent.join(', ')}; it said:\n${result.output}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const seconds = (performance.now() - begin) / 1000;
  return { name: 'planted errors', ok: missed.length === 0, seconds, output: missed.join('\n') };
}
