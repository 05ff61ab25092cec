/** Composition root of the desktop app: where things lie, from source or packed (electron-builder.config.mjs). */
import { app } from 'electron';
import { isAbsolute, join, resolve } from 'node:path';
import { startShell } from './shell/index.ts';

/** Packed: the asar file, whose top is `out/`. From source: the checkout. */
const root = app.getAppPath();
const out = app.isPackaged ? root : join(root, 'out');
const core = app.isPackaged ? join(process.resourcesPath, 'core') : root;

startShell({
  page: join(out, 'renderer'),
  preload: join(out, 'preload', 'index.cjs'),
  node: app.isPackaged ? join(process.resourcesPath, 'node', nodeFile()) : sourceNode(),
  coreEntry: join(core, 'src', 'main', 'core.ts'),
  dataFolder: dataOption(process.argv) ?? process.env['LONGLEAF_DATA'] ?? null,
});

function nodeFile(): string {
  return process.platform === 'win32' ? 'node.exe' : 'node';
}

/** boot.mjs says which Node runs it all. */
function sourceNode(): string {
  const node = process.env['LONGLEAF_NODE'];
  if (node !== undefined && isAbsolute(node)) return node;
  throw new Error('LONGLEAF_NODE is not set. Start the app with `npm start`.');
}

function dataOption(argv: readonly string[]): string | undefined {
  const at = argv.findIndex((argument) => argument === '--data' || argument.startsWith('--data='));
  const value = argv[at]?.includes('=') ? argv[at].slice('--data='.length) : argv[at + 1];
  return at < 0 || !value ? undefined : resolve(value);
}
