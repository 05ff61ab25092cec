/**
 * One file over HTTP, in as many connections as it takes. What has come lies in PART with a note beside it that says
 * of which file it is (validator, size): a later attempt goes on only when the server still has that same file (Range,
 * If-Range: RFC 9110 sections 13.1.5 and 14). Redirects are followed by hand, because the model hub tells the size and
 * the SHA-256 of a file with its first answer (X-Linked-Size, X-Linked-ETag), not with the last.
 */
import { open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ReadableStream } from 'node:stream/web';
import { setTimeout as delay } from 'node:timers/promises';
import * as v from 'valibot';
import { AppError } from '../../shared/errors.ts';
import { assertRoom } from './model-files.ts';
import type { ByteProgress } from './models.ts';

export interface Wanted {
  readonly url: string;
  /** null: not known beforehand */
  readonly bytes: number | null;
  /** lower-case hex; null: nobody has said it */
  readonly sha256: string | null;
}

export interface FetchOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ByteProgress | undefined;
  /** ms before a broken connection is tried again, doubled each time that nothing has come; default 500 */
  readonly retryMs?: number | undefined;
  /** ms without a byte that count as a broken connection; default 60,000 */
  readonly stallMs?: number | undefined;
}

export interface Fetched {
  /** what the hub says the SHA-256 of the file is; null where it says nothing */
  readonly statedSha256: string | null;
}

const RETRIES = 4;
const RETRY_MS = 500;
const STALL_MS = 60_000;
const REDIRECTS = 10;

/** Of which file the part is. */
const noteSchema = v.object({
  url: v.string(),
  /** strong ETag or Last-Modified; null: the server gave none */
  validator: v.nullable(v.string()),
  bytes: v.nullable(v.number()),
  statedSha256: v.nullable(v.string()),
  /** what whoever began the download said it should be: it holds for whoever goes on with it, too */
  wantedSha256: v.optional(v.nullable(v.string()), null),
});
export type Note = v.InferOutput<typeof noteSchema>;

/** The connection ended before the file did: worth another try. */
class BrokenOff extends Error {}

/**
 * Fetches a file into `part`. Nothing is said about its contents: whoever knows a hash compares it.
 * @throws AppError 'not-found' (no answer, refused, broken off too often), 'invalid-input' (another file than wanted),
 *   'disk-full'; the error of the file system; AbortError
 */
export async function fetchFile(wanted: Wanted, part: string, options: FetchOptions = {}): Promise<Fetched> {
  let failures = 0;
  for (;;) {
    const before = await sizeOf(part);
    try {
      return await attempt(wanted, part, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof BrokenOff)) throw error;
      failures = (await sizeOf(part)) > before ? 0 : failures + 1;
      if (failures > RETRIES) throw new AppError('not-found', error.message, RESUME_HINT, { cause: error });
      await delay((options.retryMs ?? RETRY_MS) * 2 ** failures, undefined, { signal: options.signal });
    }
  }
}

const RESUME_HINT = 'Try again: it goes on where it stopped.';

/** What came of an interrupted download, with its note. */
export async function removePart(part: string): Promise<void> {
  await Promise.all([part, notePath(part)].map((path) => rm(path, { force: true })));
}

/** One connection, from what is there to the end. @throws BrokenOff */
async function attempt(wanted: Wanted, part: string, options: FetchOptions): Promise<Fetched> {
  const note = await readNote(part);
  const have = note?.url === wanted.url ? await resumable(part, note, wanted) : 0;
  const stall = stallTimer(options);
  try {
    const { response, linked } = await follow(wanted, rangeHeaders(have, note), stall.signal, have > 0);
    const told = tell(response, linked, wanted);
    if (response.status === 416 || (response.status === 206 && changed(told, note))) {
      await response.body?.cancel();
      if (response.status === 416 && told.bytes === have) return { statedSha256: note?.statedSha256 ?? null };
      await removePart(part);
      throw new BrokenOff('the file has changed since the download began.');
    }
    const start = startOf(response, have);
    checkSize(told, wanted);
    if (told.bytes !== null) await assertRoom(dirname(part), told.bytes - start);
    await writeFile(notePath(part), JSON.stringify(told));
    await receive(response, part, { start, total: told.bytes, onProgress: options.onProgress }, stall);
    return { statedSha256: told.statedSha256 };
  } finally {
    stall.end();
  }
}

/** Bytes of the part that may be gone on from. */
async function resumable(part: string, note: Note, wanted: Wanted): Promise<number> {
  // Without a validator only a known hash would find out that two files were put together.
  if (note.validator === null && wanted.sha256 === null) return 0;
  const bytes = await sizeOf(part);
  return note.bytes !== null && bytes > note.bytes ? 0 : bytes;
}

function rangeHeaders(have: number, note: Note | null): Record<string, string> {
  // A length is a length of the file as it is, not as it was packed for the journey.
  const plain = { 'accept-encoding': 'identity' };
  if (have === 0) return plain;
  const validator = note?.validator;
  return { ...plain, range: `bytes=${have}-`, ...(validator ? { 'if-range': validator } : {}) };
}

interface Answer {
  readonly response: Response;
  /** what the hub's own answer said of the file that it redirects to */
  readonly linked: { readonly sha256: string | null; readonly bytes: number | null };
}

/** @throws AppError 'not-found' for an answer that is no file, BrokenOff for one that a later try may not get */
async function follow(
  { url: first, sha256 }: Wanted,
  headers: Record<string, string>,
  signal: AbortSignal,
  retry: boolean,
): Promise<Answer> {
  let url = new URL(first);
  let linked: Answer['linked'] = { sha256: null, bytes: null };
  for (let hop = 0; hop <= REDIRECTS; hop++) {
    assertSafe(url, sha256);
    const response = await fetch(url, { headers, redirect: 'manual', signal }).catch((error: unknown) => {
      signal.throwIfAborted();
      const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : '';
      if (retry) throw new BrokenOff(`no answer${cause}.`);
      throw new AppError('not-found', `no answer${cause}.`, undefined, { cause: error });
    });
    linked = {
      sha256: sha256Of(response.headers.get('x-linked-etag')) ?? linked.sha256,
      bytes: numberOf(response.headers.get('x-linked-size')) ?? linked.bytes,
    };
    const location = response.headers.get('location');
    if (![301, 302, 303, 307, 308].includes(response.status) || location === null) {
      await assertFile(response, retry);
      return { response, linked };
    }
    await response.body?.cancel();
    url = new URL(location, url);
  }
  throw new AppError('not-found', `sends from one address to the next without end.`);
}

/** What nobody can check on the way must at least not be altered on the way. */
function assertSafe(url: URL, sha256: string | null): void {
  const loopback = ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  if (url.protocol === 'https:' || (url.protocol === 'http:' && (sha256 !== null || loopback))) return;
  throw new AppError(
    'invalid-input',
    `${url.protocol}//${url.host} is no https address.`,
    'Over plain http the SHA-256 of the file must be known beforehand (--sha256).',
  );
}

async function assertFile(response: Response, retry: boolean): Promise<void> {
  const { status } = response;
  const page = response.headers.get('content-type')?.startsWith('text/html') === true;
  if ((status === 200 || status === 206) && !page) return;
  if (status === 416) return;
  await response.body?.cancel();
  if (page && response.ok) throw new AppError('not-found', 'answered with a web page, not with a file.');
  if (retry && (status >= 500 || status === 429)) throw new BrokenOff(`answered ${status}.`);
  throw new AppError(
    'not-found',
    `answered ${status}.`,
    status === 401 || status === 403
      ? 'The file may want an account or an accepted licence: download it with a browser, then import it.'
      : undefined,
  );
}

function tell(response: Response, linked: Answer['linked'], wanted: Wanted): Note {
  const { headers, status } = response;
  const etag = headers.get('etag');
  const packed = headers.get('content-encoding');
  const whole =
    status === 200
      ? packed === null || packed === 'identity'
        ? numberOf(headers.get('content-length'))
        : null
      : numberOf(/\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1] ?? null);
  return {
    url: wanted.url,
    validator: etag !== null && !etag.startsWith('W/') ? etag : headers.get('last-modified'),
    bytes: whole ?? linked.bytes,
    statedSha256: linked.sha256,
    wantedSha256: wanted.sha256,
  };
}

/** Not every server keeps to If-Range: what it says of the file now must be what it said then. */
function changed(told: Note, note: Note | null): boolean {
  if (note === null) return false;
  const differ = (a: string | number | null, b: string | number | null): boolean =>
    a !== null && b !== null && a !== b;
  return (
    differ(told.bytes, note.bytes) ||
    differ(told.statedSha256, note.statedSha256) ||
    differ(told.validator, note.validator)
  );
}

/** Where the body begins within the file. @throws BrokenOff when it begins where nobody asked */
function startOf(response: Response, have: number): number {
  if (response.status !== 206) return 0;
  const [, first] = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '') ?? [];
  if (Number(first) === have) return have;
  throw new BrokenOff(`sent another part of the file than was asked for.`);
}

function checkSize({ bytes }: Note, wanted: Wanted): void {
  if (wanted.bytes === null || bytes === null || bytes === wanted.bytes) return;
  throw new AppError(
    'invalid-input',
    `has a file of ${bytes} bytes there, and ${wanted.bytes} were expected.`,
  );
}

interface Receiving {
  readonly start: number;
  readonly total: number | null;
  readonly onProgress: ByteProgress | undefined;
}

async function receive(
  response: Response,
  part: string,
  { start, total, onProgress }: Receiving,
  stall: Stall,
): Promise<void> {
  if (response.body === null) throw new BrokenOff('sent nothing.');
  const body = (response.body as ReadableStream<Uint8Array>).getReader();
  const target = await open(part, start > 0 ? 'r+' : 'w');
  let done = start;
  try {
    for (;;) {
      const chunk = await body.read().catch((cause: unknown) => {
        throw new BrokenOff(brokenText(done, total), { cause });
      });
      if (chunk.done) break;
      stall.alive();
      if (total !== null && done + chunk.value.length > total)
        throw new AppError('invalid-input', `sends more than the ${total} bytes of the file.`);
      // One after the other, so that what has come is there when the connection breaks off.
      await target.write(chunk.value, 0, chunk.value.length, done);
      done += chunk.value.length;
      onProgress?.(done, total ?? 0);
    }
  } finally {
    await target.close();
    await body.cancel().catch(() => undefined);
  }
  if (total !== null && done < total) throw new BrokenOff(brokenText(done, total));
}

function brokenText(done: number, total: number | null): string {
  return `the connection broke off after ${done}${total === null ? '' : ` of ${total}`} bytes.`;
}

interface Stall {
  readonly signal: AbortSignal;
  /** something has come */
  readonly alive: () => void;
  readonly end: () => void;
}

/** Fires when nothing has come for a while, or the caller's signal does. */
function stallTimer({ signal, stallMs }: FetchOptions): Stall {
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(new BrokenOff('nothing came any more.')), stallMs ?? STALL_MS);
  return {
    signal: signal === undefined ? stalled.signal : AbortSignal.any([signal, stalled.signal]),
    alive: () => void timer.refresh(),
    end: () => clearTimeout(timer),
  };
}

function notePath(part: string): string {
  return `${part}.json`;
}

/** Of which file a part is. Null: no note, or none that can be understood. */
export async function readNote(part: string): Promise<Note | null> {
  try {
    return v.parse(noteSchema, JSON.parse(await readFile(notePath(part), 'utf8')));
  } catch {
    return null;
  }
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

function sha256Of(etag: string | null): string | null {
  return /^"?([0-9a-f]{64})"?$/.exec(etag ?? '')?.[1] ?? null;
}

function numberOf(text: string | null): number | null {
  return text !== null && /^\d+$/.test(text) ? Number(text) : null;
}
