/** Who gets in. Peers fell to rebinding, to other pages of the browser, and to missing tokens (reliability.md A4-A6). */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { testServer, type TestServer } from './server.fixture.ts';

let server: TestServer;
beforeAll(async () => {
  server = await testServer();
});
afterAll(() => server.close());

const routes = [
  '/',
  '/index.html',
  '/assets/index-abc123.js',
  '/health',
  '/upload?path=a',
  '/rpc',
  '/nothing',
];

describe('the token', () => {
  it.each(routes)('is needed for %s, whatever the method', async (route) => {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const { status, headers } = await server.ask(route, { method });
      expect(status).toBe(401);
      expect(headers['access-control-allow-origin']).toBeUndefined();
    }
  });

  it('says what to do without it', async () => {
    expect((await server.ask('/')).body).toContain('Open the whole address that the terminal printed');
  });

  it.each([
    ['half of it', (token: string) => token.slice(0, 21)],
    ['all but its last letter', (token: string) => token.slice(0, -1)],
    ['a letter more', (token: string) => `${token}A`],
    ['in capitals', (token: string) => token.toUpperCase()],
    ['nothing', () => ''],
    ['another one', () => 'A'.repeat(43)],
    ['the word null', () => 'null'],
    ['the word undefined', () => 'undefined'],
  ])('is refused when it is %s', async (_, spoilt) => {
    const wrong = spoilt(server.token);
    const cookie = `longleaf-${server.port}=${wrong}`;
    for (const headers of [{ authorization: `Bearer ${wrong}` }, { cookie }])
      expect((await server.ask('/', { headers })).status).toBe(401);
    expect((await server.ask(`/?token=${encodeURIComponent(wrong)}`)).status).toBe(401);
  });

  it('counts in no other place: other headers, other parameters, the cookie of another port', async () => {
    const { token, port } = server;
    const elsewhere = [
      { 'x-api-key': token },
      { authorization: token },
      { authorization: `Basic ${Buffer.from(`a:${token}`).toString('base64')}` },
      { cookie: `longleaf=${token}` },
      { cookie: `longleaf-${port + 1}=${token}` },
      { cookie: `xlongleaf-${port}=${token}` },
    ];
    for (const headers of elsewhere) expect((await server.ask('/', { headers })).status).toBe(401);
    for (const path of [`/health?token=${token}`, `/?key=${token}`, `/index.html?token=${token}`])
      expect((await server.ask(path)).status).toBe(401);
  });

  it('in the address gives the cookie, and leads to the page without it', async () => {
    const { status, headers } = await server.ask(`/?token=${server.token}`);
    expect({ status, location: headers.location }).toEqual({ status: 303, location: '/' });
    expect(headers['set-cookie']).toEqual([
      `longleaf-${server.port}=${server.token}; HttpOnly; SameSite=Strict; Path=/`,
    ]);
    const cookie = `other=1; longleaf-${server.port}=${server.token}`;
    expect((await server.ask('/', { headers: { cookie } })).status).toBe(200);
  });

  it('takes as long to refuse when much of it is right (one comparison of digests)', async () => {
    // not a timing test: the comparison is of SHA-256 digests by timingSafeEqual, for inputs of any length
    for (const length of [0, 1, 43, 4_000])
      expect((await server.ask(`/?token=${'x'.repeat(length)}`)).status).toBe(401);
  });
});

describe('the name of the server', () => {
  const names = (port: number) => [
    `evil.example:${port}`,
    `127.0.0.1.nip.io:${port}`,
    `localhost.:${port}`,
    `localhost.evil.example:${port}`,
    `machine.local:${port}`,
    `machine.internal:${port}`,
    `0.0.0.0:${port}`,
    `127.0.0.2:${port}`,
    `127.1:${port}`,
    `2130706433:${port}`,
    `0x7f000001:${port}`,
    `192.168.0.1:${port}`,
    `[::]:${port}`,
    `[::ffff:127.0.0.1]:${port}`,
    `LOCALHOST.evil:${port}`,
    `127.0.0.1:${port + 1}`,
    '127.0.0.1',
    'localhost',
    `user@127.0.0.1:${port}`,
    `127.0.0.1:${port}@evil.example`,
    `127.0.0.1:${port}, evil.example`,
  ];

  it('is exactly 127.0.0.1, localhost or [::1] with our port; anything else is 403, with the token too', async () => {
    for (const host of names(server.port)) {
      const { status } = await server.ask('/', { headers: { ...server.withToken, host } });
      expect({ host, status }).toEqual({ host, status: 403 });
    }
    for (const name of ['127.0.0.1', 'localhost', '[::1]']) {
      const headers = { ...server.withToken, host: `${name}:${server.port}` };
      expect((await server.ask('/', { headers })).status).toBe(200);
    }
  });

  it('must be there, and once', async () => {
    const own = `Host: 127.0.0.1:${server.port}`;
    for (const hosts of ['', 'Host:', `${own}\r\nHost: evil.example`, `Host: evil.example\r\n${own}`]) {
      const answer = await raw(
        `GET / HTTP/1.1\r\n${hosts}${hosts ? '\r\n' : ''}Authorization: Bearer ${server.token}\r\nConnection: close\r\n\r\n`,
      );
      expect(answer).toMatch(/^HTTP\/1\.1 40[03] /);
    }
  });
});

describe('other pages of the browser', () => {
  const foreign = (port: number) => [
    { origin: 'null' },
    { origin: 'https://evil.example' },
    { origin: `http://evil.example:${port}` },
    { origin: `https://127.0.0.1:${port}` },
    { origin: `http://127.0.0.1:${port + 1}` },
    { origin: 'http://127.0.0.1' },
    { origin: `http://localhost:${port}` }, // asked as 127.0.0.1
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'anything' },
  ];

  it('are refused, with the token and without', async () => {
    for (const headers of foreign(server.port)) {
      for (const method of ['GET', 'POST', 'OPTIONS']) {
        const answer = await server.ask('/', { method, headers: { ...server.withToken, ...headers } });
        expect({ ...headers, status: answer.status }).toEqual({ ...headers, status: 403 });
        expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
      }
    }
  });

  it('cannot send a form: an upload has a type that a form does not have', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', ''])
      expect(
        (
          await server.ask('/upload?path=a', {
            method: 'POST',
            headers: { ...server.withToken, 'content-type': type },
            body: '{}',
          })
        ).status,
      ).toBe(415);
  });

  it('get no WebSocket either', async () => {
    const url = `ws://127.0.0.1:${server.port}/rpc`;
    for (const headers of foreign(server.port))
      expect(await upgrade(url, { ...server.withToken, ...headers })).toBe(403);
    expect(await upgrade(url, {})).toBe(401);
    expect(await upgrade(url, { authorization: 'Bearer x' })).toBe(401);
    expect(await upgrade(`ws://127.0.0.1:${server.port}/`, server.withToken)).toBe(404);
    expect(await upgrade(url, { ...server.withToken, host: `evil.example:${server.port}` })).toBe(403);
    expect(await upgrade(url, { ...server.withToken, origin: `http://127.0.0.1:${server.port}` })).toBe(101);
  });
});

/** Status of the answer to an upgrade; 101 = it was taken. */
function upgrade(url: string, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, { headers });
    socket.on('open', () => {
      socket.close();
      resolve(101);
    });
    socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
    socket.on('error', () => {});
  });
}

function raw(text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(server.port, '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.on('close', () => resolve(answer));
    socket.write(text);
  });
}
