/** What zip and tar archives look like from here: files in a row, each with what is known before it is read. */
import { AppError } from '../../../shared/errors.ts';
import { archiveLimits } from '../zip.ts';

export interface ArchivedFile {
  /** as the archive spells it, '/'-separated */
  readonly name: string;
  /** uncompressed, as stated */
  readonly bytes: number;
  readonly type: 'file' | 'folder' | 'link' | 'other';
  readonly encrypted: boolean;
  /** the first bytes of its content, at most so many; only until the next file is asked for */
  head(most: number): Promise<Buffer>;
}

/** An open archive. Numbers that it states are checked while it is read. */
export interface ArchiveFile {
  /** from the first to the last; once. @throws AppError 'invalid-input' when damaged or beyond a limit */
  files(): AsyncIterable<ArchivedFile>;
  /** @throws AppError 'not-found', 'invalid-input', 'unsupported' */
  read(name: string): Promise<Buffer>;
  close(): Promise<void>;
}

/** is an archive of files that is opened, by its name */
export function isArchiveName(path: string): boolean {
  return /\.(zip|tar|tar\.gz|tgz)$/i.test(path);
}

export function beyondLimit(what: string, limit: string): AppError {
  return new AppError(
    'invalid-input',
    `The archive holds ${what}; the limit is ${limit}.`,
    'Unpack it yourself and add the folder.',
  );
}

/** Counts what comes out of an archive. @throws AppError beyond the limits for bytes and ratio */
export class Meter {
  readonly #packed: number;
  #bytes = 0;

  /** @param packed bytes of the archive's file */
  constructor(packed: number) {
    this.#packed = packed;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    const { totalBytes, ratio } = archiveLimits;
    if (this.#bytes > totalBytes) throw beyondLimit('more', `${String(totalBytes / 2 ** 30)} GB`);
    if (this.#bytes > 2 ** 24 && this.#bytes > this.#packed * ratio)
      throw beyondLimit(`content packed more than ${String(ratio)} to 1`, `${String(ratio)} to 1`);
  }
}
