import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testServer, type TestServer } from './server.fixture.ts';
import { uploadPath } from './upload-path.ts';
import type { Uploaded } from './uploads.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());

const batch = '01234567-89ab-cdef-0123-456789abcdef';

function upload(path: string, body: string | Buffer, into: string | null = batch) {
  const query = new URLSearchParams({ path, ...(into === null ? {} : { batch: into }) });
  const headers = { ...server.withToken, 'content-type': 'application/octet-stream' };
  return server.ask(`/upload?${query}`, { method: 'POST', headers, body });
}

it('takes a folder file by file, and says where it lies', async () => {
  const one = await upload('Büch er/日本/one.txt', 'one');
  const two = await upload('Büch er/two.txt', Buffer.from([0, 255, 10]));
  expect([one.status, two.status]).toEqual([200, 200]);
  const first = JSON.parse(one.body) as Uploaded;
  const second = JSON.parse(two.body) as Uploaded;
  expect(first.root).toBe(join(server.dataFolder, 'uploads', batch, 'Büch er'));
  expect(second.root).toBe(first.root);
  expect(await readFile(first.path, 'utf8')).toBe('one');
  expect([...(await readFile(second.path))]).toEqual([0, 255, 10]);
});

it('gives a batch of its own to whoever has none', async () => {
  const { batch: made, path } = JSON.parse((await upload('a', 'a', null)).body) as Uploaded;
  expect(path).toBe(join(server.dataFolder, 'uploads', made, 'a'));
});

describe('names that lead elsewhere, or that nothing takes', () => {
  const names = [
    '',
    '.',
    '..',
    '/',
    '/etc/passwd',
    '../a',
    'a/../../b',
    'a/..',
    'a//b',
    'a/',
    './a',
    'a/./b',
    '..\\a',
    'a\\..\\b',
    'C:\\Windows\\a',
    '\\\\host\\share',
    'a\0b',
    'a\nb',
    'a\rb',
    'a\u001bb',
    'x'.repeat(256),
    '日'.repeat(86),
    'a/'.repeat(64) + 'b',
  ];

  it.each(names)('%j is refused, and nothing is written', async (name) => {
    const before = await readdir(join(server.dataFolder, 'uploads'), { recursive: true });
    expect((await upload(name, 'x')).status).toBe(400);
    expect(await readdir(join(server.dataFolder, 'uploads'), { recursive: true })).toEqual(before);
  });

  it('a lone surrogate too', () => {
    expect(() => uploadPath('/data', 'a\ud800')).toThrow('Unicode');
  });

  it.each(['con', 'NUL.txt', 'a/aux', 'a:b', 'a?', 'a.', 'a ', 'COM1.tar.gz', 'a<b'])(
    '%j is refused on Windows',
    (name) => {
      expect(() => uploadPath('C:\\data', name, 'win32')).toThrow('Windows');
      expect(uploadPath('/data', name, 'linux')).toContain('data');
    },
  );

  it.each(['../01234567', '', 'x', `${batch}/..`, batch.toUpperCase()])(
    'a batch %j is refused',
    async (name) => expect((await upload('a', 'x', name)).status).toBe(400),
  );
});

it('a file where a folder is, and a folder where a file is, is a conflict that is said', async () => {
  await upload('clash', 'file');
  expect((await upload('clash/inner', 'x')).status).toBe(409);
  await upload('clash2/inner', 'x');
  expect((await upload('clash2', 'x')).status).toBe(409);
});

it('half a file leaves nothing behind', async () => {
  const socket = connect(server.port, '127.0.0.1');
  socket.write(
    `POST /upload?path=half&batch=${batch} HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\n` +
      `Authorization: Bearer ${server.token}\r\nContent-Type: application/octet-stream\r\nContent-Length: 1000\r\n\r\nhalf`,
  );
  await sleep(300);
  socket.destroy();
  await sleep(300);
  const left = await readdir(join(server.dataFolder, 'uploads', batch));
  expect(left.filter((name) => name.startsWith('half'))).toEqual([]);
});

it('a file that cannot fit is refused before it is sent', async () => {
  const answer = await new Promise<string>((resolve) => {
    const socket = connect(server.port, '127.0.0.1');
    socket.on('data', (chunk) => resolve(chunk.toString()));
    socket.write(
      `POST /upload?path=huge HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nAuthorization: Bearer ${server.token}\r\n` +
        `Content-Type: application/octet-stream\r\nContent-Length: ${2 ** 45}\r\n\r\n`,
    );
  });
  expect(answer).toMatch(/^HTTP\/1\.1 (400|507) /);
});

it('removes what no library is made of, but not what has just come', async () => {
  const folder = join(server.dataFolder, 'uploads');
  const batches = ['used', 'old', 'new'].map((name) => join(folder, name));
  for (const path of batches) {
    await mkdir(path);
    await writeFile(join(path, 'file'), 'x');
  }
  const longAgo = new Date(Date.now() - 48 * 3_600_000);
  for (const path of batches.slice(0, 2)) await utimes(path, longAgo, longAgo);
  expect(await server.uploads.removeUnused([join(folder, 'used', 'file')])).toEqual(['old']);
  expect(await readdir(folder)).toEqual(expect.arrayContaining(['new', 'used']));
});
