/** What a file is by its name, and which names are left out of a library. */
import { basename, extname } from 'node:path';

import type { DocumentKind } from './types.ts';

const markdown = new Set(['.md', '.markdown', '.mdown', '.mkd', '.mdx', '.rmd', '.qmd']);
const prose = new Set([
  '.txt',
  '.text',
  '.rst',
  '.adoc',
  '.asciidoc',
  '.org',
  '.tex',
  '.log',
  '.srt',
  '.vtt',
  '',
]);

/** extension -> language, in the names that editors use */
const languages: Readonly<Record<string, string>> = {
  '.js': 'javascript',
  '.mjs': 'javascript',
  '.cjs': 'javascript',
  '.jsx': 'javascript',
  '.ts': 'typescript',
  '.mts': 'typescript',
  '.cts': 'typescript',
  '.tsx': 'typescript',
  '.svelte': 'svelte',
  '.vue': 'vue',
  '.html': 'html',
  '.htm': 'html',
  '.xhtml': 'html',
  '.css': 'css',
  '.scss': 'css',
  '.sass': 'css',
  '.less': 'css',
  '.py': 'python',
  '.pyi': 'python',
  '.pyx': 'python',
  '.rb': 'ruby',
  '.rake': 'ruby',
  '.go': 'go',
  '.rs': 'rust',
  '.zig': 'zig',
  '.c': 'c',
  '.h': 'c',
  '.cc': 'cpp',
  '.cpp': 'cpp',
  '.cxx': 'cpp',
  '.hpp': 'cpp',
  '.hh': 'cpp',
  '.hxx': 'cpp',
  '.cu': 'cpp',
  '.cuh': 'cpp',
  '.m': 'cpp',
  '.mm': 'cpp',
  '.inl': 'cpp',
  '.glsl': 'cpp',
  '.hlsl': 'cpp',
  '.metal': 'cpp',
  '.java': 'java',
  '.kt': 'kotlin',
  '.kts': 'kotlin',
  '.scala': 'scala',
  '.groovy': 'java',
  '.gradle': 'java',
  '.cs': 'csharp',
  '.swift': 'swift',
  '.dart': 'dart',
  '.php': 'php',
  '.lua': 'lua',
  '.pl': 'perl',
  '.pm': 'perl',
  '.r': 'r',
  '.jl': 'julia',
  '.sh': 'shell',
  '.bash': 'shell',
  '.zsh': 'shell',
  '.fish': 'shell',
  '.ps1': 'powershell',
  '.bat': 'batch',
  '.cmd': 'batch',
  '.sql': 'sql',
  '.hs': 'haskell',
  '.elm': 'haskell',
  '.ml': 'ocaml',
  '.mli': 'ocaml',
  '.fs': 'ocaml',
  '.fsx': 'ocaml',
  '.ex': 'elixir',
  '.exs': 'elixir',
  '.erl': 'erlang',
  '.clj': 'lisp',
  '.cljs': 'lisp',
  '.el': 'lisp',
  '.lisp': 'lisp',
  '.scm': 'lisp',
  '.wgsl': 'rust',
  '.proto': 'protobuf',
  '.graphql': 'graphql',
  '.gql': 'graphql',
  '.tf': 'terraform',
  '.json': 'json',
  '.jsonc': 'json',
  '.json5': 'json',
  '.jsonl': 'json',
  '.yaml': 'yaml',
  '.yml': 'yaml',
  '.toml': 'toml',
  '.ini': 'ini',
  '.cfg': 'ini',
  '.conf': 'ini',
  '.properties': 'ini',
  '.xml': 'xml',
  '.svg': 'xml',
  '.xsd': 'xml',
  '.csv': 'csv',
  '.tsv': 'csv',
  '.cmake': 'cmake',
  '.mk': 'make',
  '.nix': 'nix',
  '.vim': 'vim',
  '.asm': 'assembly',
  '.s': 'assembly',
  '.diff': 'diff',
  '.patch': 'diff',
};
const languageOfName: Readonly<Record<string, string>> = {
  makefile: 'make',
  gnumakefile: 'make',
  dockerfile: 'docker',
  containerfile: 'docker',
  'cmakelists.txt': 'cmake',
  gemfile: 'ruby',
  rakefile: 'ruby',
  '.bashrc': 'shell',
  '.zshrc': 'shell',
  '.profile': 'shell',
  jenkinsfile: 'java',
};

/** By the name alone; content is looked at by binary.ts. */
export function kindOf(path: string): { kind: DocumentKind; language: string | null } {
  const name = basename(path).toLowerCase();
  const extension = extname(name);
  const special = languageOfName[name];
  if (special !== undefined) return { kind: 'code', language: special };
  if (extension === '.epub') return { kind: 'epub', language: null };
  if (markdown.has(extension)) return { kind: 'markdown', language: null };
  const language = /\.d\.[cm]?ts$/.test(name) ? 'typescript declarations' : languages[extension];
  if (language !== undefined) return { kind: 'code', language };
  return { kind: 'text', language: prose.has(extension) ? null : extension.slice(1) };
}

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
/** known by name, so that nothing is read to find out */
const notText: Readonly<Record<string, string>> = {
  '.pdf': 'PDF',
  '.docx': 'Word document',
  '.doc': 'Word document',
  '.odt': 'OpenDocument text',
  '.rtf': 'RTF',
  '.xlsx': 'spreadsheet',
  '.pptx': 'presentation',
  '.mobi': 'Kindle book',
  '.azw3': 'Kindle book',
};

/** Why a file is left out by its name, or null. */
export function skippedFile(name: string): string | null {
  const lower = name.toLowerCase();
  if (lower === '.ds_store' || lower === 'thumbs.db' || lower === 'desktop.ini')
    return 'made by the file manager';
  if (lockFiles.has(lower)) return 'lock file';
  if (secretNames.test(name) && !templates.test(name))
    return 'may hold secrets (add the file by itself to read it)';
  if (machineMade.test(name)) return 'generated (minified code or a source map)';
  const kind = notText[extname(lower)];
  return kind === undefined ? null : `${kind}: not read yet`;
}

/** private keys under whatever name */
export function holdsPrivateKey(head: Uint8Array): boolean {
  const text = Buffer.from(head.buffer, head.byteOffset, Math.min(head.byteLength, 256)).toString('latin1');
  return /^\s*-----BEGIN [A-Z ]*PRIVATE KEY/.test(text);
}
