/** How files get into the folder of models: room first, all or nothing, and failures of the disk in words. */
import { open, rename, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '../../shared/errors.ts';

/** @throws AppError 'disk-full' with both numbers, before anything is written */
export async function assertRoom(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free > bytes) return;
  const megabytes = (count: number): string => Math.ceil(count / 2 ** 20).toString();
  throw new AppError(
    'disk-full',
    `The model takes ${megabytes(bytes)} MB, and the disk of ${folder} has ${megabytes(free)} MB left.`,
    'Free some space, or choose another folder with --data DIR.',
  );
}

/** Makes a complete file appear under its name: contents on disk first, then the name, then the folder entry. */
export async function placeModel(part: string, target: string): Promise<void> {
  const file = await open(part, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(part, target);
  if (process.platform === 'win32') return; // folders cannot be opened for fsync there
  const folder = await open(dirname(target), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** A failed write in the words of the app; a full disk is told apart. */
export function diskError(error: unknown, folder: string): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') {
    return new AppError(
      'disk-full',
      `The disk of ${folder} is full.`,
      'Free some space, or choose another folder with --data DIR.',
      { cause: error },
    );
  }
  if (error.code === 'EACCES' || error.code === 'EPERM' || error.code === 'EROFS')
    return unreadable(folder, error);
  return error;
}

export function unreadable(path: string, error: Error): AppError {
  return new AppError(
    'invalid-input',
    `${path} cannot be used: ${error.message}.`,
    'Check its permissions, or choose another folder with --data DIR.',
    { cause: error },
  );
}
