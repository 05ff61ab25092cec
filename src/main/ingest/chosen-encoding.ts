/** What it means that a user chose the encoding of a text file. */
import { createHash } from 'node:crypto';

import type { Encoding } from '../../shared/encodings.ts';
import type { ContentHash } from '../../shared/model/index.ts';
import type { FileFormat } from './types.ts';

/** formats that say themselves how they are encoded, or are no text */
const without: ReadonlySet<FileFormat> = new Set([
  'epub',
  'pdf',
  'docx',
  'odf',
  'pptx',
  'xlsx',
  'rtf',
  'mail',
]);

export function hasEncoding(kind: FileFormat | null): boolean {
  return kind !== null && !without.has(kind);
}

/**
 * The same bytes decoded in another way are another document: its hash is made of both.
 * @param hash SHA-256 of the bytes
 */
export function contentHash(hash: ContentHash, encoding: Encoding | null | undefined): ContentHash {
  if (encoding === null || encoding === undefined) return hash;
  return createHash('sha256').update(`${hash} ${encoding}`).digest('hex') as ContentHash;
}
