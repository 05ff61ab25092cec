/** Strings in and out of SQLite without loss: lone surrogates have no UTF-8, such strings go as UTF-16LE blobs. */

export function encodeText(text: string): string | Buffer {
  return text.isWellFormed() ? text : Buffer.from(text, 'utf16le');
}

export function decodeText(stored: string | Buffer): string {
  return typeof stored === 'string' ? stored : stored.toString('utf16le');
}

export function encodeOptional(text: string | null | undefined): string | Buffer | null {
  return text === null || text === undefined ? null : encodeText(text);
}

export function decodeOptional(stored: string | Buffer | null): string | null {
  return stored === null ? null : decodeText(stored);
}
