/** What the server sends: files of the page, JSON, and refusals that say what to do. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { AppError } from '../../shared/errors.ts';
import { toWire } from '../../shared/errors.ts';
import { noPageHeaders, pageHeaders, type PageFile } from '../page/index.ts';

type Coding = 'br' | 'gzip' | 'identity';

interface Encoded {
  readonly body: Buffer;
  readonly coding: Coding;
  readonly etag: string;
}

/** Smaller than a packet: compressing gains nothing. */
const WORTH_COMPRESSING = 1_400;

/** The page's files as they are sent, each compressed once, when it is first asked for. */
export class PageAnswers {
  readonly #encoded = new Map<string, Promise<Encoded>>();

  async send(request: IncomingMessage, response: ServerResponse, file: PageFile): Promise<void> {
    const { body, coding, etag } = await this.#encode(file, codingFor(request, file));
    const headers = {
      ...pageHeaders,
      'content-type': file.mediaType,
      etag,
      vary: 'accept-encoding',
      'cache-control': file.immutable ? 'private, max-age=31536000, immutable' : 'no-cache',
      ...(coding === 'identity' ? {} : { 'content-encoding': coding }),
    };
    if (request.headers['if-none-match'] === etag) {
      response.writeHead(304, headers).end();
      return;
    }
    response.writeHead(200, { ...headers, 'content-length': body.length });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  #encode(file: PageFile, coding: Coding): Promise<Encoded> {
    const key = `${coding} ${file.file}`;
    const found = this.#encoded.get(key) ?? encode(file.file, coding);
    this.#encoded.set(key, found);
    found.catch(() => this.#encoded.delete(key));
    return found;
  }
}

async function encode(file: string, wanted: Coding): Promise<Encoded> {
  const raw = await readFile(file);
  const coding = raw.length < WORTH_COMPRESSING ? 'identity' : wanted;
  const etag = `"${createHash('sha256').update(raw).digest('base64url').slice(0, 22)}-${coding}"`;
  if (coding === 'br') {
    const body = await promisify(brotliCompress)(raw, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 5, [constants.BROTLI_PARAM_SIZE_HINT]: raw.length },
    });
    return { body, coding, etag };
  }
  return { body: coding === 'gzip' ? await promisify(gzip)(raw) : raw, coding, etag };
}

/** Text only: fonts and pictures are compressed already. */
function codingFor(request: IncomingMessage, { mediaType }: PageFile): Coding {
  if (!/^(text|application)\/|svg/.test(mediaType)) return 'identity';
  const accepted = String(request.headers['accept-encoding'] ?? '')
    .split(',')
    .filter((part) => !/;\s*q=0(\.0*)?\s*$/.test(part))
    .map((part) => part.split(';')[0]?.trim());
  if (accepted.includes('br')) return 'br';
  return accepted.includes('gzip') ? 'gzip' : 'identity';
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { ...noPageHeaders, 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(value));
}

export function sendError(response: ServerResponse, status: number, error: AppError): void {
  sendJson(response, status, { error: toWire(error) });
}

/** A page for people: one sentence, and what to do. Both are texts of ours. */
export function sendRefusal(
  response: ServerResponse,
  status: number,
  refusal: { readonly title: string; readonly remedy: string },
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { ...noPageHeaders, ...headers, 'content-type': 'text/html; charset=utf-8' });
  response.end(
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>Longleaf</title><h1>${refusal.title}</h1><p>${refusal.remedy}</p></html>\n`,
  );
}
