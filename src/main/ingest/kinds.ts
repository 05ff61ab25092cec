/** What a file is by its name, and which names are left out of a library. */
import { basename, extname } from 'node:path';

import { languageOf } from './languages.ts';
import type { FileFormat } from './types.ts';

/** by extension; anything else is source code, or plain text */
const formats: Readonly<Record<string, FileFormat>> = {
  '.md': 'markdown',
  '.markdown': 'markdown',
  '.mdown': 'markdown',
  '.mkd': 'markdown',
  '.mdx': 'markdown',
  '.rmd': 'markdown',
  '.qmd': 'markdown',
  '.rst': 'rst',
  '.rest': 'rst',
  '.org': 'org',
  '.adoc': 'asciidoc',
  '.asciidoc': 'asciidoc',
  '.tex': 'latex',
  '.ltx': 'latex',
  '.latex': 'latex',
  '.srt': 'subtitles',
  '.vtt': 'subtitles',
  '.csv': 'csv',
  '.tsv': 'csv',
  '.ipynb': 'notebook',
  '.html': 'html',
  '.htm': 'html',
  '.xhtml': 'html',
  '.epub': 'epub',
  '.pdf': 'pdf',
  '.docx': 'docx',
  '.docm': 'docx',
  '.dotx': 'docx',
  '.odt': 'odf',
  '.ott': 'odf',
  '.odp': 'odf',
  '.ods': 'odf',
  '.pptx': 'pptx',
  '.pptm': 'pptx',
  '.ppsx': 'pptx',
  '.xlsx': 'xlsx',
  '.xlsm': 'xlsx',
  '.rtf': 'rtf',
  '.eml': 'mail',
  '.mbox': 'mail',
};

/** By the name alone; content is looked at by binary.ts and by the scan. */
export function formatOf(path: string): FileFormat {
  const format = formats[extname(path).toLowerCase()];
  if (format !== undefined) return format;
  if (basename(path).toLowerCase() === 'mbox') return 'mail';
  return languageOf(path) === null ? 'text' : 'code';
}

/** formats whose bytes are not text: a file that is no archive or PDF has only the name of one */
export const packed: ReadonlySet<FileFormat> = new Set(['epub', 'pdf', 'docx', 'odf', 'pptx', 'xlsx']);

const versionControl = new Set(['.git', '.hg', '.svn', '.bzr', '.jj', 'CVS']);
const installed = new Set([
  'node_modules',
  'bower_components',
  'jspm_packages',
  '.yarn',
  '.pnpm-store',
  '.venv',
]);
const generated = new Set([
  '__pycache__',
  '.tox',
  '.nox',
  '.mypy_cache',
  '.pytest_cache',
  '.ruff_cache',
  '.eggs',
  '.gradle',
  '.next',
  '.nuxt',
  '.svelte-kit',
  '.turbo',
  '.parcel-cache',
  '.cache',
  '.terraform',
  '.nyc_output',
  '.idea',
  '.vs',
]);

/** @param siblings names of the other things in its folder: `target` is Rust's or Maven's only beside their files */
export function skippedFolder(name: string, siblings: ReadonlySet<string>): string | null {
  if (versionControl.has(name)) return 'version control data';
  if (installed.has(name)) return 'installed packages (add the folder itself to read them)';
  if (generated.has(name)) return 'generated files or a cache';
  if (name === 'target' && (siblings.has('Cargo.toml') || siblings.has('pom.xml'))) return 'build output';
  return null;
}

const lockFiles = new Set([
  'package-lock.json',
  'npm-shrinkwrap.json',
  'yarn.lock',
  'pnpm-lock.yaml',
  'bun.lock',
  'bun.lockb',
  'deno.lock',
  'cargo.lock',
  'poetry.lock',
  'pdm.lock',
  'uv.lock',
  'pipfile.lock',
  'gemfile.lock',
  'composer.lock',
  'go.sum',
  'mix.lock',
  'pubspec.lock',
  'podfile.lock',
  'flake.lock',
  'packages.lock.json',
  'gradle.lockfile',
]);
const secretNames =
  /^(\.env(\..+)?|.+\.(pem|key|p12|pfx|keystore|jks|kdbx|ppk|asc)|id_(rsa|dsa|ecdsa|ed25519)|\.netrc|_netrc|\.npmrc|\.pypirc|\.pgpass|\.htpasswd|\.git-credentials|secrets?\.(json|ya?ml|toml|ini)|credentials(\.json)?)$/i;
const templates = /^\.env\.(example|sample|template|dist|defaults?)$/i;
const machineMade = /\.(min\.(js|css|mjs|cjs)|map)$/i;
/** of binary files, what their names say */
const notText: Readonly<Record<string, string>> = {
  '.doc': 'old Word document (save it as .docx to read it)',
  '.xls': 'old spreadsheet (save it as .xlsx to read it)',
  '.ppt': 'old presentation (save it as .pptx to read it)',
  '.mobi': 'Kindle book',
  '.azw3': 'Kindle book',
};

/** What a binary file is by its name, and what can be done about it; or null. */
export function unreadKind(path: string): string | null {
  return notText[extname(path).toLowerCase()] ?? null;
}

/** Why a file is left out by its name, or null. */
export function skippedFile(name: string): string | null {
  const lower = name.toLowerCase();
  if (lower === '.ds_store' || lower === 'thumbs.db' || lower === 'desktop.ini')
    return 'made by the file manager';
  if (lockFiles.has(lower)) return 'lock file';
  if (secretNames.test(name) && !templates.test(name))
    return 'may hold secrets (add the file by itself to read it)';
  if (machineMade.test(name)) return 'generated (minified code or a source map)';
  return null;
}

/** private keys under whatever name */
export function holdsPrivateKey(head: Uint8Array): boolean {
  const text = Buffer.from(head.buffer, head.byteOffset, Math.min(head.byteLength, 256)).toString('latin1');
  return /^\s*-----BEGIN [A-Z ]*PRIVATE KEY/.test(text);
}
