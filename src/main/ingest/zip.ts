/**
 * Zip archives as EPUB uses them, entry by entry into memory, never to disk. Every number that the archive states is
 * checked while it is read; a bomb ends at a limit.
 */
import { AppError } from '../../shared/errors.ts';
import { fromBufferPromise, type Entry, type ZipFile } from 'yauzl';

export interface ArchiveLimits {
  readonly entries: number;
  readonly entryBytes: number;
  readonly totalBytes: number;
  /** uncompressed to compressed; looked at above 1 MB */
  readonly ratio: number;
}

export const archiveLimits: ArchiveLimits = {
  entries: 50_000,
  entryBytes: 256 * 2 ** 20,
  totalBytes: 2 * 2 ** 30,
  ratio: 200,
};

export class Archive {
  readonly #zip: ZipFile;
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #limits: ArchiveLimits;
  #readBytes = 0;

  private constructor(zip: ZipFile, entries: ReadonlyMap<string, Entry>, limits: ArchiveLimits) {
    this.#zip = zip;
    this.#entries = entries;
    this.#limits = limits;
  }

  /** @throws AppError 'invalid-input' for what is no zip archive, is damaged, or names paths outside itself */
  static async open(bytes: Buffer, limits: ArchiveLimits = archiveLimits): Promise<Archive> {
    try {
      const zip = await fromBufferPromise(bytes, { validateEntrySizes: true });
      if (zip.entryCount > limits.entries)
        throw tooLarge(`${String(zip.entryCount)} entries`, limits.entries);
      const entries = new Map<string, Entry>();
      let count = 0;
      for await (const entry of zip.eachEntry()) {
        if (++count > limits.entries) throw tooLarge('more entries', limits.entries);
        // the first of two equal names counts, whatever its Unicode form
        const name = entry.fileName.normalize('NFC');
        if (!entries.has(name)) entries.set(name, entry);
      }
      return new Archive(zip, entries, limits);
    } catch (error) {
      throw damagedArchive(error);
    }
  }

  /** of all entries, in the order of the archive; folders end in '/' */
  names(): string[] {
    return [...this.#entries.keys()];
  }

  has(name: string): boolean {
    return this.#entries.has(name.normalize('NFC'));
  }

  /** @throws AppError: 'not-found'; 'unsupported' when encrypted; 'invalid-input' when damaged or beyond a limit */
  async read(name: string): Promise<Buffer> {
    const entry = this.#entries.get(name.normalize('NFC'));
    if (entry === undefined) throw new AppError('not-found', `The archive has no "${name}".`);
    if (entry.isEncrypted())
      throw new AppError('unsupported', `"${name}" is encrypted.`, 'Save the file without a password.');
    this.#assertStatedSize(entry, name);
    try {
      return await this.#inflate(entry, name);
    } catch (error) {
      throw damagedArchive(error);
    }
  }

  #assertStatedSize(entry: Entry, name: string): void {
    const { uncompressedSize: size, compressedSize } = entry;
    if (size > this.#limits.entryBytes)
      throw tooLarge(`"${name}" with ${String(size)} bytes`, this.#limits.entryBytes);
    if (size > 2 ** 20 && size > compressedSize * this.#limits.ratio)
      throw tooLarge(
        `"${name}", packed ${String(Math.round(size / Math.max(1, compressedSize)))} to 1`,
        this.#limits.ratio,
      );
  }

  async #inflate(entry: Entry, name: string): Promise<Buffer> {
    const stream = await this.#zip.openReadStreamPromise(entry);
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      this.#readBytes += chunk.length;
      if (bytes > this.#limits.entryBytes) throw tooLarge(`"${name}"`, this.#limits.entryBytes);
      if (this.#readBytes > this.#limits.totalBytes) throw tooLarge('its content', this.#limits.totalBytes);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, bytes);
  }
}

function tooLarge(what: string, limit: number): AppError {
  return new AppError('invalid-input', `The archive holds ${what}; the limit is ${String(limit)}.`);
}

/** @returns what is wrong with an archive, in words */
export function damagedArchive(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const text = error instanceof Error ? error.message : String(error);
  if (
    text.startsWith('invalid relative path') ||
    text.startsWith('absolute path') ||
    text.startsWith('invalid characters')
  )
    return new AppError(
      'invalid-input',
      `The archive names a file outside itself (${text}); it is not read.`,
    );
  return new AppError('invalid-input', `It is not a readable zip archive (${text}).`, 'Get the file again.');
}
