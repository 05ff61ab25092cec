/** What a file is by its first bytes, where they know better than its name. */
import { closeSync, constants, openSync, readSync } from 'node:fs';

import { binaryKind, headBytes } from './binary.ts';
import { formatOf, holdsPrivateKey, packed, unreadKind } from './kinds.ts';
import { canBePieces, largestWhole } from './pieces.ts';
import type { FileFormat } from './types.ts';

/** why a file is left out for what is in it */
export interface LeftOut {
  readonly reason: string;
}

/**
 * Opens a file and looks at its first bytes.
 * @param bytes its size
 * @param chosen handed over by itself: then a private key is read, too
 * @throws what opening and reading throw
 */
export function formatOfFile(path: string, bytes: number, chosen: boolean): FileFormat | LeftOut {
  const head = readHead(path);
  if (!chosen && holdsPrivateKey(head)) return { reason: 'holds a private key' };
  const format = formatByContent(path, head);
  if (format === null) return { reason: notText(path, head) };
  if (bytes <= largestWhole || canBePieces(format)) return format;
  return {
    reason: `larger than ${megabytes(largestWhole)} MB (${megabytes(bytes)} MB); only plain text can be`,
  };
}

/** Why nothing is read of a file that `formatByContent` has no format for. */
export function notText(path: string, head: Uint8Array): string {
  return `not text: ${unreadKind(path) ?? binaryKind(head) ?? 'binary data'}`;
}

/** A book or an office document that is named as an archive, as some programs and servers do. */
export function documentNamedArchive(path: string): FileFormat | null {
  return packedFormat(latin1(readHead(path)));
}

/** Synchronous: three asynchronous calls a file cost many times the microseconds that it takes. */
function readHead(path: string): Uint8Array {
  // without waiting: a pipe may have taken the file's place
  const handle = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const buffer = Buffer.allocUnsafe(headBytes);
    return buffer.subarray(0, readSync(handle, buffer, 0, headBytes, 0));
  } finally {
    closeSync(handle);
  }
}

export function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(bytes < 10 * 2 ** 20 ? 1 : 0);
}

/** The name says what is inside, unless the first bytes know better. @returns null for what has no text */
export function formatByContent(path: string, head: Uint8Array): FileFormat | null {
  const named = formatOf(path);
  if (packed.has(named)) return named;
  const start = latin1(head);
  const format = packedFormat(start);
  if (format !== null) return format;
  if (start.startsWith('{\\rtf')) return 'rtf';
  if (/^[\s\0]{0,32}%PDF-\d/.test(start)) return 'pdf';
  return binaryKind(head) === null ? named : null;
}

/** main part -> format: ECMA-376 lets them have any name, its writers use these */
const mainParts: readonly (readonly [string, FileFormat])[] = [
  ['word/document.xml', 'docx'],
  ['ppt/presentation.xml', 'pptx'],
  ['xl/workbook.xml', 'xlsx'],
];

/** What a zip archive is by its first entries; null: an archive, as far as they say. */
function packedFormat(start: string): FileFormat | null {
  if (!start.startsWith('PK\x03\x04')) return null;
  // the name of the first entry
  const first = start.slice(30);
  // OCF 3.2, ODF 1.3 part 2, 3.3: the archive begins with an uncompressed file `mimetype`
  if (first.startsWith('mimetypeapplication/epub+zip')) return 'epub';
  if (first.startsWith('mimetypeapplication/vnd.oasis.opendocument.')) return 'odf';
  if (!/^(\[Content_Types\]\.xml|(_rels|docProps|word|ppt|xl)\/)/.test(first)) return null;
  return mainParts.find(([name]) => start.includes(name))?.[1] ?? null;
}

function latin1(head: Uint8Array): string {
  return Buffer.from(head.buffer, head.byteOffset, Math.min(head.byteLength, headBytes)).toString('latin1');
}
