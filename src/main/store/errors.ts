/** Errors of SQLite and the file system, classified at the worker's door (codes: sqlite.org/rescode.html). */
import { AppError } from '../../shared/errors.ts';

function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return '';
  return typeof error.code === 'string' ? error.code : '';
}

export function isDiskFull(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'SQLITE_FULL' || code === 'ENOSPC' || code === 'EDQUOT' || code === 'SQLITE_IOERR_SHMSIZE';
}

/** any thrown value as an AppError; `file` and `newestBackup` make the remedy concrete */
export function classifyError(error: unknown, file: string, newestBackup: string | null): AppError {
  if (error instanceof AppError) return error;
  const code = codeOf(error);
  const text = error instanceof Error ? error.message : String(error);
  const cause = { cause: error };
  if (isDiskFull(error)) return diskFullError(file, error);
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB')
    return corruptError(file, newestBackup, text, error);
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED') || code === 'SQLITE_PROTOCOL')
    return new AppError(
      'busy',
      `Another process holds the database ${file}.`,
      'Close the other Longleaf, or wait until its work is done, and try again.',
      cause,
    );
  if (code.startsWith('SQLITE_READONLY') || code.startsWith('SQLITE_CANTOPEN') || code === 'EACCES')
    return new AppError(
      'internal',
      `The database ${file} can't be opened for writing: ${text}.`,
      'Check that the data folder and its files belong to you and are writable, or choose another with --data.',
      cause,
    );
  if (code.startsWith('SQLITE_IOERR') || code === 'EIO')
    return new AppError(
      'internal',
      `The disk reported an error while the database ${file} was in use: ${text}.`,
      'Check the disk. Nothing that was acknowledged before is undone by this.',
      cause,
    );
  if (code.startsWith('SQLITE_CONSTRAINT'))
    return new AppError('internal', `The store refused inconsistent data: ${text}.`, undefined, cause);
  return new AppError('internal', `The store failed: ${text}.`, undefined, cause);
}

export function diskFullError(file: string, cause?: unknown): AppError {
  return new AppError(
    'disk-full',
    `The disk that holds ${file} is full; the last change was not saved.`,
    'Free some space on that disk and try again. Everything saved before is intact.',
    { cause },
  );
}

export function corruptError(
  file: string,
  newestBackup: string | null,
  detail: string,
  cause?: unknown,
): AppError {
  const remedy =
    newestBackup === null
      ? 'There is no backup yet. Keep the file: parts of it can usually be recovered with `sqlite3 FILE .recover`.'
      : `The newest good backup is ${newestBackup}. Keep the damaged file under another name, then copy the ` +
        'backup in its place.';
  return new AppError('corrupt', `The database ${file} is damaged (${detail}).`, remedy, {
    cause,
    details: { file, newestBackup },
  });
}
