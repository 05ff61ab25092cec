/** What a file is by its first bytes, where they know better than its name. */
import { closeSync, constants, openSync, readSync } from 'node:fs';

import { binaryKind, headBytes } from './binary.ts';
import { formatOf, holdsPrivateKey, packed } from './kinds.ts';
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
  if (format === null) return { reason: `not text: ${binaryKind(head) ?? 'binary data'}` };
  if (bytes <= largestWhole || canBePieces(format)) return format;
  return {
    reason: `larger than ${megabytes(largestWhole)} MB (${megabytes(bytes)} MB); only plain text can be`,
  };
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
  const start = Buffer.from(head.buffer, head.byteOffset, Math.min(head.byteLength, 1024)).toString('latin1');
  if (isEpub(start)) return 'epub';
  if (start.startsWith('{\\rtf')) return 'rtf';
  if (/^[\s\0]{0,32}%PDF-\d/.test(start)) return 'pdf';
  return binaryKind(head) === null ? named : null;
}

/** OCF 3.2: the archive begins with an uncompressed file `mimetype` */
function isEpub(start: string): boolean {
  return start.startsWith('PK\x03\x04') && start.slice(30, 58) === 'mimetypeapplication/epub+zip';
}
