import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { encodeTinyLlama } from '../formats/testing/index.ts';
import { checkInstalled, removeModel } from './installed-model.ts';
import { assertFits, estimatedSpeed, withinMemory } from './model-fit.ts';
import { importModel } from './model-import.ts';
import { ModelSummaries } from './model-summaries.ts';
import {
  availableModels,
  defaultDataFolder,
  listModels,
  modelsFolder,
  readManifest,
  resolveModel,
} from './models.ts';

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
      expect(await resolveModel(dataFolder, name)).toEqual({
        id: 'tiny',
        path,
        bytes: 4,
        known: null,
        link: null,
      });
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

describe('a file of this machine', () => {
  let file: string;
  beforeEach(async () => {
    file = join(folder, 'tiny.gguf');
    await writeFile(file, encodeTinyLlama());
  });
  const inFolder = (name: string) => join(modelsFolder(dataFolder), name);

  it('that is no model is not imported, and nothing is written', async () => {
    const broken = join(folder, 'broken.gguf');
    await writeFile(broken, 'PK and then nothing');
    for (const as of ['copy', 'link'] as const)
      await expect(importModel(dataFolder, broken, { as })).rejects.toMatchObject({ code: 'invalid-input' });
    expect(await listModels(dataFolder)).toEqual([]);
  });

  it('is copied, checked again, and found out when it has changed since', async () => {
    const model = await importModel(dataFolder, file);
    expect(model).toMatchObject({ id: 'tiny', link: null });
    expect(await importModel(dataFolder, file)).toEqual(model);
    expect(await checkInstalled(model)).toMatchObject({ expected: { by: 'record' } });
    const bytes = await readFile(model.path);
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
    await writeFile(model.path, bytes);
    await expect(checkInstalled(model)).rejects.toMatchObject({ code: 'corrupt' });
    await expect(importModel(dataFolder, file)).rejects.toMatchObject({ code: 'conflict' });
    // what the engine keeps beside it goes with it
    await writeFile(`${model.path}.packed`, 'packed weights');
    const machine = { freeMB: 1_000, speed: null };
    expect(await new ModelSummaries(modelsFolder(dataFolder)).of(model, machine, true)).toMatchObject({
      bytes: bytes.length,
      packedBytes: 14,
    });
    await removeModel(dataFolder, 'tiny');
    expect(await readdir(modelsFolder(dataFolder))).toEqual([]);
  });

  it.skipIf(process.platform === 'win32')(
    'is linked to; without it the link says so; with the link it stays (skipped on Windows: links need rights)',
    async () => {
      const model = await importModel(dataFolder, file, { as: 'link' });
      expect(model).toMatchObject({ id: 'tiny', link: file, bytes: (await stat(file)).size });
      expect((await lstat(inFolder('tiny.gguf'))).isSymbolicLink()).toBe(true);
      expect(await resolveModel(dataFolder, 'tiny')).toEqual(model);
      await rename(file, `${file}.away`);
      expect(await listModels(dataFolder)).toMatchObject([{ id: 'tiny', bytes: 0, link: file }]);
      for (const attempt of [
        () => resolveModel(dataFolder, 'tiny'),
        () => checkInstalled({ ...model, bytes: 0 }),
      ])
        await expect(attempt()).rejects.toMatchObject({
          code: 'not-found',
          message: expect.stringContaining(file) as string,
        });
      await rename(`${file}.away`, file);
      await removeModel(dataFolder, 'tiny');
      expect(await listModels(dataFolder)).toEqual([]);
      expect((await readFile(file)).equals(Buffer.from(encodeTinyLlama()))).toBe(true);
    },
  );

  it('with the name and size of a known model and another content is refused, as a copy and as a link', async () => {
    const [known] = (await readManifest()).models;
    const altered = join(folder, known?.file ?? '');
    const content = encodeTinyLlama();
    await writeFile(altered, content);
    // GGUF allows what follows the last tensor; a sparse file of 98 MB takes no space, and no time to write
    await truncate(altered, known?.bytes);
    for (const as of ['copy', 'link'] as const)
      await expect(importModel(dataFolder, altered, { as })).rejects.toMatchObject({ code: 'invalid-input' });
    expect(await listModels(dataFolder)).toEqual([]);
  });
});

it('a model that does not fit is refused with the numbers, unless the check is off', () => {
  const need = { weightsMB: 5000, stateMB: 800, scratchMB: 400, memoryMB: 6200 };
  expect(() => assertFits('big', need, 6200, {})).not.toThrow();
  expect(() => assertFits('big', need, 4100, { LONGLEAF_MEMORY_CHECK: 'off' })).not.toThrow();
  expect(() => assertFits('big', need, 4100, {})).toThrow(
    expect.objectContaining({
      code: 'memory-full',
      message: expect.stringMatching(
        /big needs about 6,200 MB .*5,000.*800.*400.*4,100 MB are free/,
      ) as string,
      details: { neededMB: 6200, freeMB: 4100 },
    }),
  );
});

it('the speed of a model is that of the measured one, in proportion to the weights; never more', () => {
  const measured = {
    cpu: '',
    variant: '',
    threads: 1,
    model: 'small',
    weightBytes: 100,
    prefillTokensPerSecond: 1000,
    decodeTokensPerSecond: 50,
    measuredAt: '',
  };
  const speeds = { prefillTokensPerSecond: 1000, decodeTokensPerSecond: 50 };
  expect(estimatedSpeed(100, measured)).toEqual({ ...speeds, measured: true });
  expect(estimatedSpeed(10, measured)).toEqual({ ...speeds, measured: false });
  expect(estimatedSpeed(4000, measured)).toEqual({
    prefillTokensPerSecond: 25,
    decodeTokensPerSecond: 1.25,
    measured: false,
  });
});

it('an engine is not started with a model that is larger than the memory', async () => {
  const file = join(folder, 'huge.gguf');
  await writeFile(file, encodeTinyLlama());
  // sparse: no disk has so much, and neither has the memory
  await truncate(file, 2 ** 43);
  const started: string[] = [];
  const start = withinMemory((options) => {
    started.push(options.modelPath);
    return Promise.reject(new Error('started'));
  });
  const options = {
    modelPath: file,
    modelHash: '',
    backend: 'cpu',
    dataFolder: null,
    maxMemoryMB: 1,
    maxDiskGB: 1,
  } as const;
  await expect(start(options)).rejects.toMatchObject({ code: 'memory-full' });
  await truncate(file, 2 ** 20);
  await writeFile(file, encodeTinyLlama());
  await expect(start(options)).rejects.toThrow('started');
  expect(started).toEqual([file]);
});
