/**
 * Files dropped into a browser: a page cannot say where they lie, so their bytes come here, and lie in the data
 * folder for as long as a library is made of them.
 */
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { dirname, join, sep } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AppError } from '../../shared/errors.ts';
import { uploadPath } from './upload-path.ts';

const LARGEST_FILE = 64 * 2 ** 30;
/** What stays free for messages and index, whatever is dropped. */
const KEPT_FREE = 512 * 2 ** 20;
/** How often the disk is asked while bytes come in. */
const CHECK_EVERY = 256 * 2 ** 20;
/** A batch that no library uses is kept this long: it may be on its way into one. */
const KEPT_MS = 24 * 3_600_000;

export interface Uploaded {
  /** files dropped together share one */
  readonly batch: string;
  /** absolute path of the file */
  readonly path: string;
  /** absolute path of what was dropped: the file, or the folder that it came in */
  readonly root: string;
}

export class Uploads {
  readonly #folder: string;

  constructor(dataFolder: string) {
    this.#folder = join(dataFolder, 'uploads');
  }

  /**
   * Takes one file. `batch` as an earlier answer gave it, or chosen by the page (a UUID); null begins one.
   * @throws AppError 'invalid-input', 'disk-full', 'conflict'; the rest of a file that did not arrive whole is gone
   */
  async take(
    request: IncomingMessage,
    given: { path: string | null; batch: string | null },
  ): Promise<Uploaded> {
    const batch = given.batch ?? randomUUID();
    if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(batch))
      throw new AppError('invalid-input', 'The batch is not a UUID.');
    const folder = join(this.#folder, batch);
    const target = uploadPath(folder, given.path ?? '');
    const length = Number(request.headers['content-length'] ?? 0);
    if (!(length <= LARGEST_FILE)) throw tooLarge();
    await mkdir(dirname(target), { recursive: true, mode: 0o700 }).catch((error: unknown) => {
      throw asConflict(error);
    });
    await this.#requireSpace(length);
    const part = `${target}.${randomUUID()}.part`.slice(-4_000);
    try {
      await pipeline(request, this.#measured(), createWriteStream(part, { flags: 'wx', mode: 0o600 }));
      await rename(part, target);
    } catch (error) {
      await rm(part, { force: true });
      throw asConflict(error);
    }
    const [first = ''] = target.slice(folder.length + 1).split(sep);
    return { batch, path: target, root: join(folder, first) };
  }

  /** Removes batches that no library is made of (`roots`: absolute paths), unless they have just come. */
  async removeUnused(roots: readonly string[], now = Date.now()): Promise<readonly string[]> {
    const removed: string[] = [];
    for (const batch of await readdir(this.#folder).catch(() => [])) {
      const folder = join(this.#folder, batch);
      if (roots.some((root) => root === folder || root.startsWith(folder + sep))) continue;
      const { mtimeMs } = await stat(folder);
      if (now - mtimeMs < KEPT_MS) continue;
      await rm(folder, { recursive: true, force: true });
      removed.push(batch);
    }
    return removed;
  }

  /** Passes bytes on, and ends with an error when there are too many for us or for the disk. */
  #measured(): Transform {
    let bytes = 0;
    let checked = 0;
    return new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        bytes += chunk.length;
        if (bytes > LARGEST_FILE) return done(tooLarge());
        if (bytes - checked < CHECK_EVERY) return done(null, chunk);
        checked = bytes;
        this.#requireSpace(0).then(
          () => done(null, chunk),
          (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
        );
      },
    });
  }

  async #requireSpace(bytes: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.#folder);
    const free = bavail * bsize - KEPT_FREE;
    if (bytes <= free) return;
    throw new AppError(
      'disk-full',
      `There is no room for this file: ${bytes} bytes are needed, ${Math.max(0, free)} are free beside the reserve.`,
      'Free some space, then drop it again.',
      { details: { needed: bytes, free: Math.max(0, free) } },
    );
  }
}

function tooLarge(): AppError {
  return new AppError('invalid-input', 'The file is larger than 64 GB.', 'Split it, or use the desktop app.');
}

function asConflict(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new AppError('disk-full', 'The disk is full.', 'Free some space, then drop the file again.');
  if (code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'ECONNRESET')
    return new AppError('interrupted', 'The connection ended before the file was there.');
  if (['EEXIST', 'ENOTDIR', 'EISDIR', 'ENOTEMPTY'].includes(String(code)))
    return new AppError('conflict', 'A file and a folder of the same name cannot both be taken over.');
  return error;
}
