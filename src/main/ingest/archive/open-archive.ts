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

let last: { key: string; archive: ArchiveFile } | null = null;

/** The bytes of a file in an archive. @throws AppError */
export async function readMember({ archive: path, name }: ArchiveMember): Promise<Buffer> {
  const { size, mtimeMs } = await stat(path).catch((error: unknown) => {
    throw readError(error, path);
  });
  const key = `${path}\0${String(size)}\0${String(mtimeMs)}`;
  if (last?.key !== key) {
    await last?.archive.close();
    last = null;
    last = { key, archive: await openArchive(path) };
  }
  return last.archive.read(name);
}
