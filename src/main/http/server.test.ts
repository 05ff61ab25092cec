/** What is given out, and that nobody can wear it down. */
import { connect, type Socket } from 'node:net';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { createClient } from '../../shared/rpc/index.ts';
import type { Handlers } from '../../shared/rpc/index.ts';
import { websocketPort } from '../host/index.ts';
import { fakeApp } from '../host/testing/fake-app.ts';
import { startHttp } from './server.ts';
import { testServer, type TestServer } from './server.fixture.ts';

let server: TestServer;
let lists = 0;
beforeAll(async () => {
  server = await testServer({
    ...(fakeApp().handlers as Handlers),
    // four megabytes, each time
    'conversations.list': () => {
      lists += 1;
      return Promise.resolve([{ filler: 'x'.repeat(4 * 2 ** 20) }] as never);
    },
  });
});
afterAll(() => server.close());

const traversals = [
  '/../secret.txt',
  '/../../secret.txt',
  '/assets/../../secret.txt',
  '/assets/../index.html',
  '/./index.html',
  '//index.html',
  '/index.html/',
  '/assets',
  '/assets/',
  '/%2e%2e/secret.txt',
  '/%2E%2E/secret.txt',
  '/%2e%2e%2fsecret.txt',
  '/..%2fsecret.txt',
  '/..%2Fsecret.txt',
  '/%2e./secret.txt',
  '/.%2e/secret.txt',
  '/..%5csecret.txt',
  '/..\\secret.txt',
  '/assets\\..\\..\\secret.txt',
  '/%252e%252e/secret.txt',
  '/%252e%252e%252fsecret.txt',
  '/..%c0%afsecret.txt',
  '/%c0%ae%c0%ae/secret.txt',
  '/..%252fsecret.txt',
  '/....//secret.txt',
  '/..;/secret.txt',
  '/index.html%00',
  '/index.html%00.js',
  '/%00',
  '/index%2ehtml',
  '/INDEX.HTML',
  '/index.html.',
  '/index.html%20',
  '/index.html::$DATA',
  '/assets/index-abc123.js.map',
  '/assets/%69ndex-abc123.js',
  '/etc/passwd',
  '/C:/Windows/win.ini',
  '/C%3A%5CWindows%5Cwin.ini',
  '//host/share/secret.txt',
  'http://127.0.0.1/index.html',
  '/__proto__',
  '/constructor',
];

describe('the page', () => {
  it('is a fixed list of files: no spelling leads out of it', async () => {
    expect(traversals.length).toBeGreaterThanOrEqual(40);
    for (const path of traversals) {
      const { status, body } = await server.ask(path, { headers: server.withToken });
      expect({ path, status }).toEqual({ path, status: 404 });
      expect(body).not.toContain('secret');
    }
  });

  it('has a policy without inline script or foreign sources, byte for byte', async () => {
    const { headers } = await server.ask('/', { headers: server.withToken });
    expect(headers['content-security-policy']).toBe(
      "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; " +
        "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; frame-src 'none'; frame-ancestors 'none'; " +
        "object-src 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'",
    );
  });

  it('and everything else carry the headers that keep them apart from other pages', async () => {
    const answers = await Promise.all([
      server.ask('/', { headers: server.withToken }),
      server.ask('/'),
      server.ask('/nothing', { headers: server.withToken }),
      server.ask('/health', { headers: server.withToken }),
      server.ask('/', { headers: { host: 'evil.example' } }),
    ]);
    for (const { headers } of answers) {
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
      });
      expect(headers['content-security-policy']).toContain("default-src 'none'");
    }
  });

  it('is compressed as the browser likes, and hashed files are kept for ever', async () => {
    const path = '/assets/index-abc123.js';
    const coded = async (accept: string) => {
      const response = await fetchRaw(path, accept);
      return { coding: response.coding, length: response.body.length, text: response.text };
    };
    const plain = await coded('');
    expect(plain).toMatchObject({ coding: undefined, text: 'export {};\n'.repeat(500) });
    expect(await coded('gzip, deflate, br')).toMatchObject({ coding: 'br', text: plain.text });
    expect(await coded('gzip;q=1, br;q=0')).toMatchObject({ coding: 'gzip', text: plain.text });
    const { headers } = await server.ask(path, { headers: server.withToken });
    expect(headers['cache-control']).toContain('immutable');
    const again = { ...server.withToken, 'if-none-match': String(headers['etag']) };
    expect((await server.ask(path, { headers: again })).status).toBe(304);
    expect((await server.ask('/', { headers: server.withToken })).headers['cache-control']).toBe('no-cache');
  });

  it('is read only', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])
      expect((await server.ask('/', { method, headers: server.withToken })).status).toBe(405);
  });
});

describe('the port', () => {
  it('is the wanted one, or an error that says so', async () => {
    const page = new Map();
    const hosting = { attach: () => {}, pages: 0, end: () => Promise.resolve() };
    await expect(
      startHttp({ hosting, page, dataFolder: server.dataFolder, port: server.port }),
    ).rejects.toMatchObject({ code: 'conflict', hint: expect.stringContaining('--port') as string });
  });

  it('is the next free one when none was asked for', async () => {
    const blocker = createServer();
    await new Promise<void>((resolve) => {
      blocker.once('error', () => resolve()); // taken already: as good
      blocker.listen(7311, '127.0.0.1', resolve);
    });
    const hosting = { attach: () => {}, pages: 0, end: () => Promise.resolve() };
    const next = await startHttp({ hosting, page: new Map(), dataFolder: server.dataFolder });
    expect(next.port).toBeGreaterThan(7311);
    await next.close();
    blocker.close();
  });
});

const openSocket = async () => {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/rpc`, { headers: server.withToken });
  await new Promise((resolve) => socket.once('open', resolve));
  return socket;
};

describe('calls over a WebSocket', () => {
  it('are answered, streams and errors too', async () => {
    const client = createClient(websocketPort(await openSocket()));
    expect(await client.call('library.list', {})).toEqual([]);
    await expect(client.call('library.remove', { name: 'x' })).rejects.toMatchObject({ code: 'not-found' });
    let text = '';
    for await (const event of client.stream('chat.ask', { question: 'count', sampling: { maxTokens: 500 } }))
      if (event.kind === 'text') text += event.text;
    expect(text).toBe(Array.from({ length: 500 }, (_, index) => `${index} `).join(''));
    client.close();
  });

  it('10,000 messages of nonsense end connections, and nothing else', async () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
      return seed % below;
    };
    let socket = await openSocket();
    for (let index = 0; index < 10_000; index++) {
      if (socket.readyState !== socket.OPEN) socket = await openSocket();
      socket.send(nonsense(random));
      if (index % 500 === 0) await sleep(5);
    }
    socket.terminate();
    const client = createClient(websocketPort(await openSocket()));
    expect(await client.call('library.list', {})).toEqual([]);
    client.close();
  }, 60_000);

  it('a reader that does not read is not listened to either: memory stays bounded', async () => {
    const socket = await openSocket();
    socket.pause();
    lists = 0;
    // All in one write: a paused socket once still began every call of the chunk that had been read.
    const { _socket: raw } = socket as unknown as { _socket: Socket };
    raw.cork();
    for (let id = 1; id <= 200; id++)
      socket.send(JSON.stringify({ kind: 'call', id, method: 'conversations.list', args: {}, credit: 1 }));
    raw.uncork();
    await sleep(1_000);
    // 800 MB were asked for; what the kernel takes, and a little more, was made
    expect(lists).toBeGreaterThan(0);
    expect(lists).toBeLessThan(20);
    socket.resume();
    for (let waited = 0; lists < 200 && waited < 20_000; waited += 50) await sleep(50);
    expect(lists).toBe(200);
    socket.terminate();
  }, 60_000);

  it('at most 32 pages at a time', async () => {
    const pages = await Promise.all(Array.from({ length: 32 }, openSocket));
    const status = await new Promise((resolve) => {
      const one = new WebSocket(`ws://127.0.0.1:${server.port}/rpc`, { headers: server.withToken });
      one.on('unexpected-response', (_request, response) => resolve(response.statusCode));
      one.on('open', () => resolve('open'));
      one.on('error', () => {});
    });
    expect(status).toBe(503);
    for (const page of pages) page.terminate();
  });
});

it('500 connections that say nothing, or half a request, do not shut others out', async () => {
  const idle: Socket[] = [];
  for (let index = 0; index < 500; index++) {
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => {});
    if (index % 2 === 0) socket.write('GET / HTTP/1.1\r\nHost: 127.0');
    idle.push(socket);
  }
  const begin = performance.now();
  for (;;) {
    const answer = await server.ask('/health', { headers: server.withToken }).catch(() => null);
    if (answer?.status === 200) break;
    expect(performance.now() - begin).toBeLessThan(25_000);
    await sleep(200);
  }
  for (const socket of idle) socket.destroy();
}, 60_000);

function nonsense(random: (below: number) => number): string | Buffer {
  const id = [1, 0, -1, 2 ** 53, Infinity, 'x', null, 3.5][random(8)];
  const method = ['library.list', 'constructor', '__proto__', '', 'chat.ask', 7][random(6)];
  const choices: (() => string | Buffer)[] = [
    () => Buffer.from(Array.from({ length: random(200) }, () => random(256))),
    () => String.fromCodePoint(...Array.from({ length: random(100) }, () => random(0xd800))),
    () => JSON.stringify({ kind: 'call', id, method, args: { a: [] }, credit: random(3) }),
    () => JSON.stringify({ kind: ['cancel', 'credit', 'ok', 'bye', 'item'][random(5)], id, count: id }),
    () => JSON.stringify({ kind: 'call', id: 1 + random(9), method: 'library.list', args: {}, credit: 1 }),
    () => JSON.stringify([['['.repeat(random(1_000))]]),
    () => '['.repeat(random(20_000)),
    () => 'null',
  ];
  return choices[random(choices.length)]?.() ?? '';
}

async function fetchRaw(path: string, accept: string) {
  const text = await new Promise<Buffer>((resolve) => {
    const socket = connect(server.port, '127.0.0.1');
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('close', () => resolve(Buffer.concat(chunks)));
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nAuthorization: Bearer ${server.token}\r\nAccept-Encoding: ${accept}\r\nConnection: close\r\n\r\n`,
    );
  });
  const at = text.indexOf('\r\n\r\n');
  const coding = /^content-encoding: (\w+)/im.exec(text.subarray(0, at).toString())?.[1];
  const body = text.subarray(at + 4);
  const plain = coding === 'br' ? brotliDecompressSync(body) : coding === 'gzip' ? gunzipSync(body) : body;
  return { coding, body, text: plain.toString('utf8') };
}
