import { join } from 'node:path';
import { AppError } from '../../shared/errors.ts';

/** What a file system takes, everywhere. */
const LONGEST_NAME = 255;
const DEEPEST = 64;

/** Names that Windows keeps for devices, and what it does not allow in any name. */
const windowsName = /^(con|prn|aux|nul|com\d|lpt\d)(\..*)?$|[<>:"|?*]|[. ]$/i;

/**
 * The path of a dropped file below its batch, from what the browser says about it: names with `/` between them.
 * @throws AppError 'invalid-input' for anything that could leave the folder, or that no file system takes
 */
export function uploadPath(folder: string, given: string, platform = process.platform): string {
  const names = given.split('/');
  const fault = names.length > DEEPEST ? 'it lies too deep' : faultOf(names, platform);
  if (fault === undefined) return join(folder, ...names);
  throw new AppError(
    'invalid-input',
    `The file ${given.slice(0, 200)} cannot be taken over: ${fault}.`,
    'Rename it, and drop it again.',
  );
}

function faultOf(names: readonly string[], platform: NodeJS.Platform): string | undefined {
  for (const name of names) {
    if (name === '' || name === '.' || name === '..') return 'its path has an empty part, or goes upwards';
    if (/[\u0000-\u001f\u007f\\]/.test(name)) return 'its name has a control character or a backslash';
    if (!name.isWellFormed()) return 'its name is not valid Unicode';
    if (Buffer.byteLength(name) > LONGEST_NAME) return 'its name is too long';
    if (platform === 'win32' && windowsName.test(name)) return 'Windows does not allow its name';
  }
  return undefined;
}
