/** The packages: what goes in, what the binary refuses, and that the core runs from there. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findRuntime } from './electron/runtime.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

interface BuilderConfig {
  readonly corePackages: () => readonly string[];
  readonly default: {
    readonly electronFuses: Readonly<Record<string, boolean>>;
    readonly fileAssociations: readonly { readonly ext: string }[];
    readonly electronVersion: string;
    readonly asar: boolean;
  };
}

const load = async () =>
  (await import(pathToFileURL(join(root, 'electron-builder.config.mjs')).href)) as BuilderConfig;

it('every package that the core imports is packed', async () => {
  const { corePackages } = await load();
  const packed = corePackages();
  const sources = globSync('src/{main,shared}/**/*.ts', { cwd: root }).filter(
    (file) =>
      !/\.(test|fixture|d)\.ts$|\/testing\/|main\/(shell|http|page|cli|bench)\/|main\/index\.ts$/.test(file),
  );
  const imported = new Set<string>();
  for (const file of sources) {
    const text = readFileSync(join(root, file), 'utf8');
    for (const [, name = ''] of text.matchAll(/(?:\bfrom |\bimport\()'([@\w][\w@/.-]*)'/g)) {
      if (isBuiltin(name)) continue;
      imported.add(
        name
          .split('/')
          .slice(0, name.startsWith('@') ? 2 : 1)
          .join('/'),
      );
    }
  }
  expect(imported.size).toBeGreaterThan(5);
  expect([...imported].filter((name) => !packed.includes(`node_modules/${name}`))).toEqual([]);
});

it('the binary takes no other code than the packed one (fuses), and is the Electron of the lock file', async () => {
  const { default: config } = await load();
  expect(config.electronFuses).toEqual({
    runAsNode: false,
    enableCookieEncryption: true,
    enableNodeOptionsEnvironmentVariable: false,
    enableNodeCliInspectArguments: false,
    enableEmbeddedAsarIntegrityValidation: true,
    onlyLoadAppFromAsar: true,
    loadBrowserProcessSpecificV8Snapshot: false,
    grantFileProtocolExtraPrivileges: false,
  });
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string }>;
  };
  expect(config.electronVersion).toBe(lock.packages['node_modules/electron']?.version);
  expect(config.asar).toBe(true);
  expect(config.fileAssociations.map(({ ext }) => ext)).toEqual(['gguf', 'json']);
});

const runtime = findRuntime();
const missing = 'missing' in runtime ? runtime.missing : null;

describe.skipIf(missing !== null)(`a package${missing === null ? '' : ` (skipped: ${missing})`}`, () => {
  let folder: string;
  let app: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'longleaf-package-'));
    const built = spawnSync(
      process.execPath,
      [
        join(root, 'node_modules/electron-builder/cli.js'),
        ...['--linux', 'dir', '--config', join(root, 'e2e/electron/old-builder.config.mjs')],
      ],
      {
        cwd: root,
        encoding: 'utf8',
        env: {
          ...process.env,
          LONGLEAF_ELECTRON_RUNTIME: 'folder' in runtime ? runtime.folder : '',
          LONGLEAF_PACKAGE_OUTPUT: folder,
        },
      },
    );
    expect(built.status, built.stdout + built.stderr).toBe(0);
    app = join(folder, 'linux-unpacked');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('holds the shell in its asar file, and the core beside it', () => {
    const asar = readFileSync(join(app, 'resources/app.asar'), 'latin1');
    for (const file of ['"index.cjs"', '"index.html"', '"package.json"'])
      expect(asar.slice(0, 200_000)).toContain(file);
    const core = join(app, 'resources/core');
    expect(existsSync(join(core, 'src/main/core.ts'))).toBe(true);
    expect(existsSync(join(core, 'src/main/shell'))).toBe(false);
    expect(globSync('native/build/**/*.node', { cwd: core }).length).toBeGreaterThan(0);
    expect(globSync('**/*.test.ts', { cwd: join(core, 'src') })).toEqual([]);
  });

  it('has its fuses set', () => {
    const fuses = spawnSync(
      process.execPath,
      [join(root, 'node_modules/@electron/fuses/dist/bin.js'), 'read', '--app', join(app, 'longleaf')],
      { encoding: 'utf8' },
    );
    expect(fuses.stdout).toMatch(/RunAsNode is .*Disabled/);
    expect(fuses.stdout).toMatch(/EnableNodeOptionsEnvironmentVariable is .*Disabled/);
    expect(fuses.stdout).toMatch(/EnableNodeCliInspectArguments is .*Disabled/);
    expect(fuses.stdout).toMatch(/OnlyLoadAppFromAsar is .*Enabled/);
  });

  it('has a core that runs on the packed Node, with the packed modules', async () => {
    const resources = join(app, 'resources');
    const child = spawn(
      join(resources, 'node/node'),
      [join(resources, 'core/src/main/core.ts'), '--data', join(folder, 'data')],
      { stdio: ['ignore', 'inherit', 'pipe', 'ipc'], cwd: folder },
    );
    let errors = '';
    child.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    const texts: string[] = [];
    const call = (id: number, method: string) =>
      JSON.stringify({ kind: 'call', id, method, args: {}, credit: 1 });
    child.on('message', ({ kind, text = '' }: { kind: string; text?: string }) => {
      if (kind === 'ready') {
        child.send({ kind: 'open', connection: 1 });
        child.send({ kind: 'text', connection: 1, text: call(1, 'library.list') });
        child.send({ kind: 'text', connection: 1, text: call(2, 'app.hardware') });
      }
      if (kind === 'text') texts.push(text);
      if (texts.length === 2) child.send({ kind: 'quit' });
    });
    const code = await new Promise((resolve) => child.once('exit', resolve));
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
    expect(texts.toSorted()[0]).toContain('"kind":"ok","id":1,"value":[]');
    // the native addon names what this processor has
    expect(texts.join()).toContain('scalar');
  });
});
