/**
 * Who may talk to the server: this machine's user, by the token that the terminal printed. A web page of somebody
 * else in the same browser may not, however it gets there: by another name for 127.0.0.1 (rebinding), by a form, a
 * picture or a WebSocket.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export interface Access {
  /** for the address and for `Authorization: Bearer` */
  readonly token: string;
  /** the port listened on: part of every name of ours */
  readonly port: number;
}

/** Why a request is refused. */
export type Refusal = 'foreign-host' | 'foreign-origin' | 'foreign-page' | 'no-token';

/** 256 random bits, for a URL. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}

/** Cookies know no ports: two servers of one machine must not overwrite each other's. */
export function cookieName(port: number): string {
  return `longleaf-${port}`;
}

/** Null when the request may come in at all; the token is checked by `hasToken`. */
export function refusedOrigin(request: IncomingMessage, { port }: Access): Refusal | null {
  const hosts = request.headersDistinct['host'] ?? [];
  const own = ownHosts(port);
  if (hosts.length !== 1 || !own.includes(hosts[0] ?? '')) return 'foreign-host';
  const { origin } = request.headers;
  // the very name that was asked for: 127.0.0.1 and localhost are two origins
  if (origin !== undefined && origin !== `http://${hosts[0]}`) return 'foreign-origin';
  const site = request.headersDistinct['sec-fetch-site'] ?? [];
  // 'same-site' is another port of this machine; 'none' is an address that the user typed or opened
  if (site.some((value) => value !== 'same-origin' && value !== 'none')) return 'foreign-page';
  return null;
}

function ownHosts(port: number): readonly string[] {
  return ['127.0.0.1', 'localhost', '[::1]'].map((name) => `${name}:${port}`);
}

/** True when cookie or `Authorization: Bearer` carry the token. */
export function hasToken(request: IncomingMessage, access: Access): boolean {
  const [, bearer] = /^Bearer +([\w.~+/=-]{1,200})$/i.exec(request.headers.authorization ?? '') ?? [];
  if (bearer !== undefined) return isToken(bearer, access);
  return cookies(request, cookieName(access.port)).some((value) => isToken(value, access));
}

/** Compares in the same time whatever is given, and however much of it is right. */
export function isToken(given: string, { token }: Access): boolean {
  return timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function cookies(request: IncomingMessage, name: string): readonly string[] {
  return (request.headers.cookie ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .slice(0, 4)
    .map((pair) => pair.slice(name.length + 1));
}
