/** What a file is by its first bytes, where they know better than its name. */
import { binaryKind } from './binary.ts';
import { formatOf, packed } from './kinds.ts';
import type { FileFormat } from './types.ts';

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
