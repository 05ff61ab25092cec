/** Tar archives, also gzipped, read from front to back. A file further on is reached without starting anew. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline, Transform } from 'node:stream';
import { createGunzip } from 'node:zlib';

import { extract, type Extract, type Header } from 'tar-stream';

import { AppError } from '../../../shared/errors.ts';
import { archiveLimits } from '../zip.ts';
import { beyondLimit, Meter, type ArchivedFile, type ArchiveFile } from './archive-file.ts';

type Entry = Extract extends AsyncIterable<infer Source> ? Source : never;

interface Pass {
  readonly entries: AsyncIterator<Entry>;
  readonly end: () => void;
}

export class TarOnDisk implements ArchiveFile {
  readonly #path: string;
  readonly #packed: number;
  readonly #gzipped: boolean;
  /** of `read`: where the last file ended */
  #pass: Pass | null = null;

  private constructor(path: string, packed: number) {
    this.#path = path;
    this.#packed = packed;
    this.#gzipped = /gz$/i.test(path);
  }

  static async open(path: string): Promise<TarOnDisk> {
    return new TarOnDisk(path, (await stat(path)).size);
  }

  async *files(): AsyncGenerator<ArchivedFile> {
    const pass = this.#start();
    let count = 0;
    try {
      for (let next = await pass.entries.next(); next.done !== true; next = await pass.entries.next()) {
        if (++count > archiveLimits.entries) throw beyondLimit('more entries', String(archiveLimits.entries));
        const entry = next.value;
        yield {
          name: entry.header.name,
          bytes: entry.header.size,
          type: typeOf(entry.header),
          encrypted: false,
          head: (most) => firstBytes(entry, most),
        };
        await drained(entry);
      }
    } catch (error) {
      throw damaged(error);
    } finally {
      pass.end();
    }
  }

  async read(name: string): Promise<Buffer> {
    const fresh = this.#pass === null;
    const found = (await this.#readOn(name)) ?? (fresh ? null : await this.#readOn(name));
    if (found === null)
      throw new AppError('not-found', 'It is not in the archive (any more).', 'Update the library.');
    return found;
  }

  close(): Promise<void> {
    this.#pass?.end();
    this.#pass = null;
    return Promise.resolve();
  }

  /** from where the last file ended; at the end of the archive the next call begins anew */
  async #readOn(name: string): Promise<Buffer | null> {
    this.#pass ??= this.#start();
    const { entries } = this.#pass;
    try {
      for (let next = await entries.next(); next.done !== true; next = await entries.next()) {
        const entry = next.value;
        if (entry.header.name === name && typeOf(entry.header) === 'file') return await whole(entry);
        await drained(entry);
      }
    } catch (error) {
      await this.close();
      throw damaged(error);
    }
    await this.close();
    return null;
  }

  #start(): Pass {
    const meter = new Meter(this.#gzipped ? this.#packed : Infinity);
    const counting = new Transform({
      transform(chunk: Buffer, _encoding, next) {
        try {
          meter.add(chunk.length);
          next(null, chunk);
        } catch (error) {
          next(error as Error);
        }
      },
    });
    const source = createReadStream(this.#path);
    const sink = extract();
    // errors reach whoever asks for the next entry
    const done = (): void => undefined;
    if (this.#gzipped) pipeline(source, createGunzip(), counting, sink, done);
    else pipeline(source, counting, sink, done);
    return { entries: sink[Symbol.asyncIterator](), end: () => void source.destroy() };
  }
}

async function whole(entry: Entry): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of entry as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > archiveLimits.entryBytes)
      throw beyondLimit('a larger file', `${String(archiveLimits.entryBytes / 2 ** 20)} MB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

/** reads the entry to its end: nothing after it can be reached otherwise */
async function firstBytes(entry: Entry, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of entry as AsyncIterable<Buffer>) {
    if (bytes < most) chunks.push(chunk);
    bytes += chunk.length;
  }
  return Buffer.concat(chunks).subarray(0, most);
}

async function drained(entry: Entry): Promise<void> {
  if (entry.destroyed) return;
  for await (const _ of entry as AsyncIterable<Buffer>);
}

function typeOf({ type }: Pick<Header, 'type'>): ArchivedFile['type'] {
  if (type === 'symlink' || type === 'link') return 'link';
  if (type === 'directory') return 'folder';
  return type === 'file' || type === 'contiguous-file' || type === null || type === undefined
    ? 'file'
    : 'other';
}

function damaged(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new AppError('invalid-input', `It is not a readable tar archive (${text}).`, 'Get the file again.', {
    cause: error,
  });
}
