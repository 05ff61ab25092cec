/** Zip archives on disk, read entry by entry, never unpacked to disk. */
import { stat } from 'node:fs/promises';

import { openPromise, type Entry, type ZipFile } from 'yauzl';

import { AppError } from '../../../shared/errors.ts';
import { decodeBytes } from '../extract/encoding.ts';
import { archiveLimits, damagedArchive } from '../zip.ts';
import { beyondLimit, Meter, type ArchivedFile, type ArchiveFile } from './archive-file.ts';

export class ZipOnDisk implements ArchiveFile {
  readonly #zip: ZipFile;
  readonly #meter: Meter;
  readonly #entries = new Map<string, Entry>();
  #listed = false;

  private constructor(zip: ZipFile, packed: number) {
    this.#zip = zip;
    this.#meter = new Meter(packed);
  }

  static async open(path: string): Promise<ZipOnDisk> {
    try {
      const { size } = await stat(path);
      const zip = await openPromise(path, { autoClose: false, validateEntrySizes: true });
      if (zip.entryCount <= archiveLimits.entries) return new ZipOnDisk(zip, size);
      zip.close();
      throw beyondLimit(`${String(zip.entryCount)} entries`, String(archiveLimits.entries));
    } catch (error) {
      throw damagedArchive(error);
    }
  }

  async *files(): AsyncGenerator<ArchivedFile> {
    try {
      let count = 0;
      for await (const entry of this.#zip.eachEntry()) {
        if (++count > archiveLimits.entries) throw beyondLimit('more entries', String(archiveLimits.entries));
        const name = nameOf(entry);
        if (!this.#entries.has(name)) this.#entries.set(name, entry);
        yield this.#file(entry, name);
      }
      this.#listed = true;
    } catch (error) {
      throw damagedArchive(error);
    }
  }

  async read(name: string): Promise<Buffer> {
    if (!this.#listed) for await (const _ of this.files());
    const entry = this.#entries.get(name);
    if (entry === undefined)
      throw new AppError('not-found', 'It is not in the archive (any more).', 'Update the library.');
    return this.#content(entry, archiveLimits.entryBytes, true);
  }

  close(): Promise<void> {
    this.#zip.close();
    return Promise.resolve();
  }

  #file(entry: Entry, name: string): ArchivedFile {
    return {
      name,
      bytes: entry.uncompressedSize,
      type: typeOf(entry, name),
      encrypted: entry.isEncrypted(),
      head: (most) => this.#content(entry, most, false),
    };
  }

  /** @param whole beyond `most` bytes: an error; else the rest is left unread */
  async #content(entry: Entry, most: number, whole: boolean): Promise<Buffer> {
    try {
      const stream = await this.#zip.openReadStreamPromise(entry);
      const chunks: Buffer[] = [];
      let bytes = 0;
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        this.#meter.add(chunk.length);
        chunks.push(chunk);
        if (bytes <= most) continue;
        if (whole) throw beyondLimit('a larger file', `${String(most / 2 ** 20)} MB`);
        break;
      }
      return Buffer.concat(chunks, bytes).subarray(0, most);
    } catch (error) {
      throw damagedArchive(error);
    }
  }
}

/** Names without the UTF-8 flag are in the code page of whoever packed them: UTF-8 all the same, or a guess. */
function nameOf(entry: Entry): string {
  const flagged = (entry.generalPurposeBitFlag & 0x800) !== 0;
  const raw = entry.fileNameRaw;
  const plain =
    flagged || raw.every((byte) => byte < 0x80) || entry.extraFields.some(({ id }) => id === 0x7075);
  return (plain ? entry.fileName : decodeBytes(raw).text.replaceAll('\\', '/')).normalize('NFC');
}

/** Unix keeps the type in the upper half of the external attributes */
function typeOf(entry: Entry, name: string): ArchivedFile['type'] {
  const mode = (entry.externalFileAttributes >>> 16) & 0xf000;
  if (mode === 0xa000) return 'link';
  if (name.endsWith('/')) return 'folder';
  return mode === 0 || mode === 0x8000 ? 'file' : 'other';
}
