import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ContextMap } from '../../shared/rpc/index.ts';
import { AppError } from '../../shared/errors.ts';
import type { StartEngineOptions } from '../engine/index.ts';
import { startEngine } from '../engine/index.ts';
import type { TestApp } from './app.fixture.ts';
import { never, openTestApp } from './app.fixture.ts';
import type { EngineChoice } from './engines.ts';
import { Engines } from './engines.ts';
import { contentsOf, prefixOf } from './library-context.ts';
import { PrefixLayouts } from './prefix-layout.ts';

let test: TestApp;
beforeAll(async () => {
  test = await openTestApp();
});
afterAll(async () => {
  await test.close();
});

const call = () => test.app().handlers;
const map = (name: string, more: object = {}): Promise<ContextMap> =>
  call()['library.map']({ name, ...more }, { signal: never });
const BOOK = {
  'one.txt': 'The harbour of Tarsk lies in the north.\nIts keeper is called Ondra Vell.\n',
  'two.txt': 'The lamp of the lighthouse burns whale oil.\nIt is lit at dusk.\n',
  'picture.bin': 'a\0b\0c',
};

describe('a library that is indexed', () => {
  beforeAll(async () => {
    await test.write(BOOK);
    await test.add({ name: 'coast' });
  });

  it('its map: documents in order, nothing read, the window of a conversation', async () => {
    const found = await map('coast');
    const length = BOOK['one.txt'].length + BOOK['two.txt'].length;
    expect(found).toMatchObject({ library: 'coast', tokens: length, read: 0, changedFrom: null });
    expect(found.documents.map(({ path, start, state }) => [path, start, state])).toEqual([
      ['files/one.txt', 0, 'unread'],
      ['files/two.txt', BOOK['one.txt'].length, 'unread'],
    ]);
    expect(found.plan).toMatchObject({ name: 'window', alignment: 'sliding', sinks: 4 });
    expect(found.plan.regions).toEqual([{ from: 0, to: 4088, stride: 1 }]);
    const adapted = await map('coast', { plan: 'adapted' });
    expect(adapted.plan.regions).toEqual([{ from: 0, to: null, stride: 1 }]);
    await expect(map('coast', { from: 5, to: 5 })).rejects.toMatchObject({ code: 'invalid-input' });
    await expect(map('nowhere')).rejects.toMatchObject({ code: 'not-found' });
  });

  it('its documents, with their place; what has no text says why', async () => {
    const read = (path: string, from?: number, length?: number) =>
      call()['library.document']({ name: 'coast', path, from, length }, { signal: never });
    expect(await read('files/one.txt', 45, 3)).toMatchObject({
      path: 'files/one.txt',
      kind: 'text',
      outcome: 'read',
      line: 2,
      lines: 2,
      from: 40,
      text: 'Its keeper is called Ondra Vell.\n',
    });
    await expect(read('files/picture.bin')).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('not text') as string,
    });
    await expect(read('../../etc/passwd')).rejects.toMatchObject({ code: 'not-found' });
    const hits = await call()['library.search']({ name: 'coast', query: 'keeper ond' }, { signal: never });
    expect(hits).toMatchObject([{ path: 'files/one.txt', line: 2 }]);
  });

  it('a question may name the documents that passages come from', async () => {
    const ask = (documents: string[]) =>
      test.ask({
        question: 'What do the keeper and the lamp do at dusk?',
        library: 'coast',
        state: false,
        documents,
        sampling: { maxTokens: 2 },
      });
    const { answer } = await ask(['files/two.txt']);
    const { branch } = await call()['conversations.show']({ id: answer.conversationId }, { signal: never });
    expect(branch[0]?.passagesText).toContain('files/two.txt');
    expect(branch[0]?.passagesText).not.toContain('files/one.txt');
    await expect(ask(['files/gone.txt'])).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('files/gone.txt') as string,
    });
  });

  it('is renamed, but not to a name that is taken, empty, or one of the app itself', async () => {
    const change = (name: string, newName: string) =>
      call()['library.change']({ name, newName }, { signal: never });
    await test.add({ name: 'taken' });
    await expect(change('coast', 'taken')).rejects.toMatchObject({ code: 'conflict' });
    await expect(change('coast', '  ')).rejects.toMatchObject({ code: 'invalid-input' });
    await expect(change('coast', 'attached:x')).rejects.toMatchObject({ code: 'invalid-input' });
    expect(await change('coast', 'shore')).toMatchObject({ library: { name: 'shore' }, status: 'indexed' });
  });
});

describe('a library that is read', () => {
  it('its map follows the state, and a preview what has changed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'longleaf-read-'));
    try {
      for (const [i, name] of ['a.txt', 'b.txt', 'c.txt'].entries())
        await writeFile(join(folder, name), `${'x'.repeat(99 + i)}\n`);
      const { state } = await test.add({ name: 'read', paths: [folder], read: 'always' });
      const whole = await map('read');
      expect(whole).toMatchObject({ tokens: 303, read: 303, changedFrom: null });
      expect(whole.documents.map((one) => one.state)).toEqual(['read', 'read', 'read']);
      expect(whole.plan.name).toBe('adapted');
      // the state also holds preamble and headers; its end is the end of the documents
      expect(state?.tokens).toBeGreaterThan(303);
      expect(whole.checkpoints).toEqual([303]);

      await writeFile(join(folder, 'b.txt'), 'another text\n');
      const preview = call()['library.update']({ name: 'read', preview: true }, { signal: never });
      for await (const event of preview) expect(event.kind).not.toBe('done');
      expect(await map('read')).toMatchObject({ read: 303, changedFrom: 100 });

      // indexed anew and not read again: what stands before the change is still in the state
      await call()['library.change']({ name: 'read', read: 'never' }, { signal: never });
      await test.add({ name: 'read', paths: [folder] });
      const changed = await map('read');
      expect(changed).toMatchObject({ tokens: 215, read: 100, changedFrom: null, checkpoints: [] });
      expect(changed.documents.map((one) => one.state)).toEqual(['read', 'unread', 'unread']);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

it('what computes is what the user set, where neither a call nor the owner says', async () => {
  const backendOf = async (choice: EngineChoice, defaults: EngineChoice = {}): Promise<string> => {
    const engines = new Engines({
      dataFolder: test.folder,
      startEngine,
      defaults,
      limits: () => ({ maxMemoryMB: 64, maxDiskGB: 1 }),
      preferredBackend: () => 'webgpu',
      hashes: { setting: () => Promise.resolve(null), setSetting: () => Promise.resolve() },
    });
    const model = join(test.folder, 'models', 'tiny.gguf');
    return (await engines.load({ model, ...choice })).backend;
  };
  expect(await backendOf({})).toBe('webgpu');
  expect(await backendOf({ backend: 'cpu' })).toBe('cpu');
  expect(await backendOf({}, { backend: 'reference' })).toBe('reference');
});

it('a driver that takes the engine with it costs auto the card, and the reason is told', async () => {
  const asked: StartEngineOptions[] = [];
  const dataFolder = await mkdtemp(join(tmpdir(), 'longleaf-auto-'));
  const engines = new Engines({
    dataFolder,
    startEngine: (options) => {
      asked.push(options);
      if (options.backend === 'auto')
        return Promise.reject(
          new AppError('engine-lost', 'The engine process ended unexpectedly (SIGSEGV).'),
        );
      return startEngine({ ...options, backend: 'cpu' });
    },
    defaults: {},
    limits: () => ({ maxMemoryMB: 64, maxDiskGB: 1 }),
    hashes: { setting: () => Promise.resolve(null), setSetting: () => Promise.resolve() },
  });
  const loaded = await engines.load({ model: join(test.folder, 'models', 'tiny.gguf') });
  const { info } = await loaded.engine();
  expect(asked.map(({ backend }) => backend)).toEqual(['auto', 'cpu']);
  expect(info.backend).toBe('cpu');
  expect(info.autoReason).toContain('SIGSEGV');
  await engines.close();
  await rm(dataFolder, { recursive: true, force: true });
});

it('the layout of a prefix is where its documents really stand', async () => {
  const path = join(test.folder, 'models', 'tiny.gguf');
  const hashes = { setting: () => Promise.resolve(null), setSetting: () => Promise.resolve() };
  const engines = new Engines({
    dataFolder: test.folder,
    startEngine,
    defaults: { model: path, backend: 'reference' },
    limits: () => ({ maxMemoryMB: 64, maxDiskGB: 1 }),
    hashes,
  });
  const model = await engines.load({});
  const texts = ['first text', 'second', '', 'the fourth'];
  const files = texts.map((text, i) => ({
    path: `p${String(i)}`,
    absolutePath: `/p${String(i)}`,
    outcome: 'read' as const,
    reason: null,
    bytes: text.length,
    mtimeMs: 0,
    hash: String(i).repeat(64) as NonNullable<Parameters<typeof contentsOf>[1][number]['hash']>,
    tokens: text.length,
    readAs: `folder/name ${'x'.repeat(i)}.txt`,
  }));
  const library = { id: 'l', name: 'l', roots: [], versionId: 'v', read: 'auto', createdAt: '' };
  const contents = contentsOf(library as unknown as Parameters<typeof contentsOf>[0], files);
  const store = {
    tokens: (hash: string) => Promise.resolve(model.tokenizer.encode(texts[Number(hash[0])] ?? '')),
  };
  const prefix = await prefixOf(store as unknown as Parameters<typeof prefixOf>[0], model, contents);
  const layouts = new PrefixLayouts({ versionFiles: () => Promise.resolve(files) });
  const layout = await layouts.of(contents.library, 'v' as never, model);
  let before = 0;
  for (const { kind, start, end } of prefix.spans.filter((span) => span.kind === 'document')) {
    expect(kind).toBe('document');
    expect(layout.documentTokens(start)).toBe(before);
    expect(layout.documentTokens(start + 1)).toBe(before + 1);
    before += end - start;
    expect(layout.documentTokens(end)).toBe(before);
  }
  expect(layout.documentTokens(prefix.ids.length)).toBe(texts.join('').length);
});

describe('models', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'longleaf-import-'));
  });
  afterEach(() => rm(folder, { recursive: true }));
  const list = () => call()['models.list']({}, { signal: never });
  const bring = (file: string) => Array.fromAsync(call()['models.import']({ file }, { signal: never }));

  it('are listed with what they are and need; a broken one with its fault', async () => {
    await writeFile(join(test.folder, 'models', 'broken.gguf'), 'nothing of a model');
    const models = await list();
    expect(models.find(({ id }) => id === 'tiny')).toMatchObject({
      details: { architecture: 'llama', quantisation: 'Q4_1', trainedLength: 4096 },
      problem: null,
      fit: { fits: true, memoryMB: expect.any(Number) as number },
      farReading: null,
    });
    expect(models.find(({ id }) => id === 'broken')).toMatchObject({
      details: null,
      fit: null,
      problem: { code: 'invalid-input' },
    });
    await call()['models.remove']({ id: 'broken' }, { signal: never });
    expect((await list()).map(({ id }) => id)).not.toContain('broken');
  });

  it('come by import, and go, with the setting that named them; what can not be used stays out', async () => {
    const file = join(folder, 'second model <b>.gguf');
    await writeFile(file, await readFile(join(test.folder, 'models', 'tiny.gguf')));
    const events = await bring(file);
    expect(events.at(-1)).toMatchObject({ kind: 'done', model: { id: 'second model <b>', problem: null } });
    await call()['settings.set']({ patch: { 'models.default': 'second model <b>' } }, { signal: never });
    expect((await list()).find(({ isDefault }) => isDefault)?.id).toBe('second model <b>');
    await call()['models.remove']({ id: 'second model <b>' }, { signal: never });
    expect((await call()['settings.get']({}, { signal: never }))['models.default']).toBe('');

    await writeFile(join(folder, 'text.gguf'), 'no model');
    await expect(bring(join(folder, 'text.gguf'))).rejects.toMatchObject({ code: 'invalid-input' });
    await symlink(folder, join(folder, 'folder.gguf'));
    await expect(bring(join(folder, 'folder.gguf'))).rejects.toBeInstanceOf(Error);
    await expect(bring(join(folder, 'none.gguf'))).rejects.toMatchObject({ code: 'not-found' });
    const page = call()['models.fetch']({ url: 'https://huggingface.co/owner/name' }, { signal: never });
    await expect(Array.fromAsync(page)).rejects.toMatchObject({ code: 'usage' });
    const download = call()['models.download']({ id: 'unknown' }, { signal: never });
    await expect(Array.fromAsync(download)).rejects.toMatchObject({ code: 'not-found' });
  });

  it('can be links, are checked again, and are as fast as this machine was measured to be', async () => {
    const file = join(folder, 'linked.gguf');
    await writeFile(file, await readFile(join(test.folder, 'models', 'tiny.gguf')));
    const brought = call()['models.import']({ file, as: 'link' }, { signal: never });
    expect((await Array.fromAsync(brought)).at(-1)).toMatchObject({ model: { id: 'linked', link: file } });
    const check = () => Array.fromAsync(call()['models.verify']({ id: 'linked' }, { signal: never }));
    expect((await check()).at(-1)).toMatchObject({ kind: 'done', comparedWith: 'record' });
    await call()['settings.set']({ patch: { 'models.default': 'linked' } }, { signal: never });
    const measured = await call()['models.measure']({}, { signal: never });
    expect(measured.find(({ id }) => id === 'linked')?.fit?.speed).toMatchObject({ measured: true });
    await rm(file);
    expect((await list()).find(({ id }) => id === 'linked')).toMatchObject({
      link: file,
      details: null,
      problem: { code: 'not-found' },
    });
    await expect(check()).rejects.toMatchObject({ code: 'not-found' });
    await call()['models.remove']({ id: 'linked' }, { signal: never });
    expect((await list()).map(({ id }) => id)).not.toContain('linked');
  });
});
