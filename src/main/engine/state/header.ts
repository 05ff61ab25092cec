/**
 * The header of a stored state: everything that says what its pages are. Binary form, little-endian:
 *
 *   8 bytes   magic "LLSTATE\n"
 *   u32       format version
 *   u32       length n of the JSON text in bytes
 *   n bytes   JSON (UTF-8), fields as in `StateHeader`
 *   32 bytes  SHA-256 of all bytes before
 */
import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { AppError } from '../../../shared/errors.ts';
import { planSchema } from '../plan/schema.ts';
import type { AttentionPlan } from '../plan/types.ts';

export const FORMAT_VERSION = 1;
const MAGIC = Buffer.from('LLSTATE\n', 'latin1');
const PREFIX_BYTES = MAGIC.length + 8;
const DIGEST_BYTES = 32;

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));

export interface StateHeader {
  readonly modelHash: string;
  readonly plan: AttentionPlan;
  readonly variant: string;
  readonly numericsVersion: number;
  /** tokens read */
  readonly position: number;
  /** SHA-256 of the token ids as little-endian 32-bit integers */
  readonly prefixHash: string;
  /** canonical bytes of the cache */
  readonly bytes: number;
  /** bytes of a page; the last one may be shorter */
  readonly pageBytes: number;
  /** SHA-256 of each page, in order */
  readonly pages: readonly string[];
  /** page with the logits of the last position, f32 [vocabulary] little-endian; null when they were not known */
  readonly logits: { readonly page: string; readonly vocabulary: number } | null;
}

const headerSchema = v.strictObject({
  modelHash: v.string(),
  plan: planSchema,
  variant: v.string(),
  numericsVersion: count,
  position: count,
  prefixHash: sha256,
  bytes: count,
  pageBytes: v.pipe(v.number(), v.integer(), v.minValue(1)),
  pages: v.array(sha256),
  logits: v.nullable(v.strictObject({ page: sha256, vocabulary: count })),
});

export function encodeHeader(header: StateHeader): Buffer {
  const json = Buffer.from(JSON.stringify(header), 'utf8');
  const sizes = Buffer.alloc(8);
  sizes.writeUInt32LE(FORMAT_VERSION, 0);
  sizes.writeUInt32LE(json.length, 4);
  const body = Buffer.concat([MAGIC, sizes, json]);
  return Buffer.concat([body, createHash('sha256').update(body).digest()]);
}

/** @throws AppError 'corrupt' when it is not a header, damaged, or of a format that we do not know */
export function decodeHeader(bytes: Uint8Array): StateHeader {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = buffer.length - DIGEST_BYTES;
  if (end < PREFIX_BYTES || !buffer.subarray(0, MAGIC.length).equals(MAGIC)) throw corrupt('has no header');
  const version = buffer.readUInt32LE(MAGIC.length);
  if (version !== FORMAT_VERSION) throw corrupt(`has the format ${version}, not ${FORMAT_VERSION}`);
  const digest = createHash('sha256').update(buffer.subarray(0, end)).digest();
  if (!digest.equals(buffer.subarray(end))) throw corrupt('has a damaged header');
  if (buffer.readUInt32LE(MAGIC.length + 4) !== end - PREFIX_BYTES)
    throw corrupt('has a header of wrong length');
  const header = v.parse(headerSchema, JSON.parse(buffer.toString('utf8', PREFIX_BYTES, end)));
  if (header.pages.length !== Math.ceil(header.bytes / header.pageBytes)) throw corrupt('misses pages');
  return header;
}

/** The state's checksum: SHA-256 over its pages' hashes, and nothing that depends on when or how it was computed. */
export function checksumOf(header: Pick<StateHeader, 'pages'>): string {
  const hash = createHash('sha256');
  for (const page of header.pages) hash.update(Buffer.from(page, 'hex'));
  return hash.digest('hex');
}

function corrupt(what: string): AppError {
  return new AppError(
    'corrupt',
    `A stored state ${what}.`,
    'It is dropped and read again when it is needed.',
  );
}
