/** A server with a page of three files and an app without engine; requests that say exactly what the test says. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve, type Handlers } from '../../shared/rpc/index.ts';
import type { Hosting } from '../host/index.ts';
import { readPage } from '../page/index.ts';
import { startHttp, type HttpServer } from './server.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface TestServer extends HttpServer {
  readonly dataFolder: string;
  /** sends `path` as it stands, whatever it is; Host is ours unless said otherwise */
  ask(path: string, options?: Ask): Promise<Answer>;
  readonly withToken: { readonly authorization: string };
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export async function testServer(handlers: Partial<Handlers> = {}): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'longleaf-http-'));
  await mkdir(join(folder, 'page', 'assets'), { recursive: true });
  await writeFile(join(folder, 'secret.txt'), 'secret');
  await writeFile(join(folder, 'page', 'index.html'), '<!doctype html><title>Longleaf</title>');
  await writeFile(join(folder, 'page', 'assets', 'index-abc123.js'), 'export {};\n'.repeat(500));
  await writeFile(join(folder, 'page', 'assets', 'index-abc123.js.map'), '{}');
  const hosting: Hosting = {
    attach: (port) => void serve(port, handlers as Handlers),
    pages: 0,
    end: () => Promise.resolve(),
  };
  const dataFolder = join(folder, 'data');
  await mkdir(dataFolder);
  const server = await startHttp({
    hosting,
    page: await readPage(join(folder, 'page')),
    dataFolder,
    port: 0,
  });
  return {
    ...server,
    dataFolder,
    withToken: { authorization: `Bearer ${server.token}` },
    ask: (path, options) => ask(server.port, path, options),
    close: async () => {
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function ask(port: number, path: string, { method = 'GET', headers = {}, body }: Ask = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString('utf8'),
        }),
      );
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
