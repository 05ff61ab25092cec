/** Opens archives by their name, and keeps the last one open: its files are asked for one after the other. */
import { stat } from 'node:fs/promises';

import { AppError } from '../../../shared/errors.ts';
import { readError } from '../read-error.ts';
import type { ArchiveMember } from '../types.ts';
import type { ArchiveFile } from './archive-file.ts';
import { TarOnDisk } from './tar-file.ts';
import { ZipOnDisk } from './zip-file.ts';

/** @throws AppError */
export async function openArchive(path: string): Promise<ArchiveFile> {
  try {
    return await (/\.zip$/i.test(path) ? ZipOnDisk.open(path) : TarOnDisk.open(path));
  } catch (error) {
    throw error instanceof AppError ? error : readError(error, path);
  }
}

interface Kept {
  /** path, size and time: another archive of this name is another archive */
  readonly key: string;
  readonly archive: ArchiveFile;
  idle: NodeJS.Timeout | undefined;
}

/** ms: an open file can't be deleted on some systems */
const keptFor = 5_000;
let kept: Kept | null = null;

/** The bytes of a file in an archive. @throws AppError */
export async function readMember({ archive: path, name }: ArchiveMember): Promise<Buffer> {
  const { size, mtimeMs } = await stat(path).catch((error: unknown) => {
    throw readError(error, path);
  });
  const key = `${path}\0${String(size)}\0${String(mtimeMs)}`;
  if (kept?.key !== key) {
    await letGo();
    const archive = await openArchive(path);
    kept = { key, archive, idle: undefined };
  }
  const current = kept;
  clearTimeout(current.idle);
  try {
    return await current.archive.read(name);
  } finally {
    current.idle = setTimeout(() => void letGo(), keptFor).unref();
  }
}

async function letGo(): Promise<void> {
  const { archive, idle } = kept ?? {};
  kept = null;
  clearTimeout(idle);
  await archive?.close();
}
