/** The page and its port over HTTP, for this machine only: `longleaf serve`. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { AppError, toWire } from '../../shared/errors.ts';
import { websocketPort, type Hosting } from '../host/index.ts';
import type { PageFiles } from '../page/index.ts';
import {
  cookieName,
  hasToken,
  isToken,
  newToken,
  refusedOrigin,
  type Access,
  type Refusal,
} from './access.ts';
import { PageAnswers, sendError, sendJson, sendRefusal } from './answers.ts';
import { Uploads } from './uploads.ts';

/** Nothing but this machine: the server has no setting for it. */
const ADDRESS = '127.0.0.1';
const DEFAULT_PORT = 7311;
/** ports tried after the default one */
const TRIES = 20;
const MOST_CONNECTIONS = 256;
const MOST_PAGES = 32;
/** A question may be long (10 million characters), escaped as JSON. */
const LONGEST_MESSAGE = 64 * 2 ** 20;

export interface HttpOptions {
  readonly hosting: Hosting;
  readonly page: PageFiles;
  readonly dataFolder: string;
  /** absent: the default one, or the next that is free; 0: any */
  readonly port?: number;
  readonly token?: string;
}

export interface HttpServer {
  readonly port: number;
  readonly token: string;
  /** with the token: whoever has it is let in */
  readonly url: string;
  readonly uploads: Uploads;
  /** takes no more requests and ends the connections */
  close(): Promise<void>;
}

/** @throws AppError 'conflict' when the port is taken */
export async function startHttp(options: HttpOptions): Promise<HttpServer> {
  const server = createServer({
    headersTimeout: 10_000,
    // an upload may take its time; whoever sends nothing for a minute is gone all the same
    requestTimeout: 0,
    connectionsCheckingInterval: 5_000,
    keepAliveTimeout: 5_000,
    requireHostHeader: false,
    maxHeaderSize: 16 * 1024,
  });
  server.maxConnections = MOST_CONNECTIONS;
  // until it has asked for something, a connection has little patience: it may keep others out
  server.timeout = 10_000;
  const port = await listen(server, options.port);
  const access: Access = { token: options.token ?? newToken(), port };
  const uploads = new Uploads(options.dataFolder);
  const routes = new Routes(options, access, uploads);
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: LONGEST_MESSAGE,
    perMessageDeflate: false,
  });

  server.on('request', (request, response) => {
    request.socket.setTimeout(60_000);
    routes.answer(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else sendError(response, 500, new AppError('internal', toWire(error).message));
    });
  });
  server.on('upgrade', (request, socket, head) => {
    const status = upgradeStatus(request, access, sockets.clients.size);
    if (status !== null) return refuseUpgrade(socket, status);
    sockets.handleUpgrade(request, socket, head, (accepted) =>
      options.hosting.attach(websocketPort(accepted)),
    );
  });
  server.on('clientError', (_error, socket) => refuseUpgrade(socket, '400 Bad Request'));

  return {
    port,
    token: access.token,
    url: `http://${ADDRESS}:${port}/?token=${access.token}`,
    uploads,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      await closed;
    },
  };
}

class Routes {
  readonly #options: HttpOptions;
  readonly #access: Access;
  readonly #uploads: Uploads;
  readonly #pages = new PageAnswers();

  constructor(options: HttpOptions, access: Access, uploads: Uploads) {
    this.#options = options;
    this.#access = access;
    this.#uploads = uploads;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refused = refusedOrigin(request, this.#access);
    if (refused) return sendRefusal(response, 403, refusals[refused]);
    const [path = '', query = ''] = splitOnce(request.url ?? '', '?');
    const parameters = new URLSearchParams(query);
    const token = parameters.get('token');
    if (request.method === 'GET' && path === '/' && token !== null) return this.#letIn(response, token);
    if (!hasToken(request, this.#access))
      return sendRefusal(response, 401, refusals['no-token'], { 'www-authenticate': 'Bearer' });
    if (path === '/upload') return this.#upload(request, response, parameters);
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return sendRefusal(response, 405, notAllowed, { allow: 'GET, HEAD' });
    if (path === '/health') return sendJson(response, 200, { ok: true, pages: this.#options.hosting.pages });
    // The path as it was sent is looked up, and nothing else: what is not in the map is not there.
    const file = this.#options.page.get(path);
    if (!file) return sendRefusal(response, 404, notThere);
    return this.#pages.send(request, response, file);
  }

  #letIn(response: ServerResponse, token: string): void {
    if (!isToken(token, this.#access)) return sendRefusal(response, 401, refusals['no-token']);
    response.writeHead(303, {
      location: '/',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'set-cookie': `${cookieName(this.#access.port)}=${this.#access.token}; HttpOnly; SameSite=Strict; Path=/`,
    });
    response.end();
  }

  async #upload(
    request: IncomingMessage,
    response: ServerResponse,
    parameters: URLSearchParams,
  ): Promise<void> {
    if (request.method !== 'POST') return sendRefusal(response, 405, notAllowed, { allow: 'POST' });
    // A form of another page cannot send this type without being asked first.
    if (request.headers['content-type'] !== 'application/octet-stream')
      return sendError(response, 415, new AppError('usage', 'An upload is application/octet-stream.'));
    try {
      const given = { path: parameters.get('path'), batch: parameters.get('batch') };
      sendJson(response, 200, await this.#uploads.take(request, given));
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      // what is still on its way is not read
      response.setHeader('connection', 'close');
      sendError(response, uploadStatus[error.code] ?? 400, error);
    }
  }
}

const uploadStatus: Readonly<Record<string, number>> = { 'disk-full': 507, conflict: 409 };

const notThere = {
  title: 'There is nothing here.',
  remedy: 'Longleaf’s page is at the address without a path.',
};
const notAllowed = { title: 'This cannot be asked in this way.', remedy: 'Open the page instead.' };

const refusals: Readonly<Record<Refusal, { title: string; remedy: string }>> = {
  'no-token': {
    title: 'This page belongs to whoever started Longleaf.',
    remedy: 'Open the whole address that the terminal printed, with its token.',
  },
  'foreign-host': {
    title: 'Longleaf answers on this machine only.',
    remedy: 'Open the address that the terminal printed: it begins with http://127.0.0.1.',
  },
  'foreign-origin': {
    title: 'Another page asked for this.',
    remedy: 'Open the address that the terminal printed in a tab of its own.',
  },
  'foreign-page': {
    title: 'Another page asked for this.',
    remedy: 'Copy the address that the terminal printed into the address bar.',
  },
};

/** Null when the connection may become a WebSocket. */
function upgradeStatus(request: IncomingMessage, access: Access, open: number): string | null {
  if (refusedOrigin(request, access)) return '403 Forbidden';
  if (!hasToken(request, access)) return '401 Unauthorized';
  if (request.url !== '/rpc') return '404 Not Found';
  return open < MOST_PAGES ? null : '503 Service Unavailable';
}

function refuseUpgrade(socket: Duplex, status: string): void {
  if (!socket.writable) return void socket.destroy();
  socket.on('error', () => {});
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}

async function listen(server: Server, wanted: number | undefined): Promise<number> {
  const ports =
    wanted === undefined ? Array.from({ length: TRIES }, (_, next) => DEFAULT_PORT + next) : [wanted];
  for (const port of ports) {
    const taken = await tryListen(server, port);
    const address = server.address();
    if (!taken && address !== null && typeof address === 'object') return address.port;
  }
  throw new AppError(
    'conflict',
    wanted === undefined
      ? `The ports ${DEFAULT_PORT} to ${DEFAULT_PORT + TRIES - 1} are taken.`
      : `The port ${wanted} is taken, or not allowed.`,
    'Choose another one with --port N (0: any that is free).',
  );
}

/** True when the port is taken or forbidden. */
function tryListen(server: Server, port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException) => {
      server.off('listening', onListening);
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(true);
      else reject(error);
    };
    const onListening = () => {
      server.off('error', onError);
      resolve(false);
    };
    server.once('error', onError);
    server.once('listening', onListening);
    server.listen({ host: ADDRESS, port, exclusive: true });
  });
}

function splitOnce(text: string, mark: string): readonly string[] {
  const at = text.indexOf(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
