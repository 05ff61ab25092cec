import { AppError } from '../../shared/errors.ts';

/** system errors that say nothing about the file's content */
const unopened: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'ENOENT', 'ENOTDIR', 'EMFILE', 'ENFILE']);

/** As it stands in a report: what happened, and what to do. */
export function reasonOf({ message, hint }: AppError): string {
  return hint === undefined ? message : `${message} ${hint}`;
}

/** Nothing is known of the file's content: the same file may be read next time. */
export function wasNotOpened({ details }: AppError): boolean {
  return details?.['unopened'] === true;
}

/** Why something can't be read, and the remedy. */
export function readError(error: unknown, path: string): AppError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const cause = { cause: error, details: { unopened: unopened.has(code) } };
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return new AppError(
        'invalid-input',
        'No permission to read it.',
        'Allow your user to read it, then update.',
        cause,
      );
    case 'ENOENT':
    case 'ENOTDIR':
      return path.includes('\ufffd')
        ? new AppError('invalid-input', 'Its name is not valid UTF-8.', 'Rename it, then update.', cause)
        : new AppError('not-found', 'It is not there (any more).', 'Check the path.', cause);
    case 'ELOOP':
      return new AppError('invalid-input', 'Its links go in a circle.', 'Remove the link.', cause);
    case 'EMFILE':
    case 'ENFILE':
      return new AppError(
        'busy',
        'Too many files are open.',
        'Raise the limit (ulimit -n), then update.',
        cause,
      );
    default:
      return new AppError(
        'invalid-input',
        `It can't be read (${error instanceof Error ? error.message : String(error)}).`,
        'Check the disk or the network drive, then update.',
        cause,
      );
  }
}
