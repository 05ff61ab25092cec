/** Several files as one ZIP archive. */
import { buffer } from 'node:stream/consumers';
import { ZipFile } from 'yazl';

export interface ZipEntry {
  readonly name: string;
  readonly content: Buffer;
  readonly modified: Date;
}

export async function zip(entries: readonly ZipEntry[]): Promise<Buffer> {
  const archive = new ZipFile();
  const bytes = buffer(archive.outputStream);
  for (const { name, content, modified } of entries) archive.addBuffer(content, name, { mtime: modified });
  archive.end();
  return bytes;
}
