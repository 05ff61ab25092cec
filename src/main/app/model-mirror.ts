/** Where the files of the model hub are asked for: there, or at a mirror that has the same paths. */
import { AppError } from '../../shared/errors.ts';

const HUB = 'https://huggingface.co';

/**
 * The mirror in force: what is asked for, else the user's setting, else LONGLEAF_MIRROR, else HF_ENDPOINT, which other
 * programs of the hub follow. Null: the hub itself.
 * @throws AppError 'usage' for what is no http address
 */
export function mirrorOf(asked: string | undefined, env: NodeJS.ProcessEnv = process.env): string | null {
  const mirror = asked || env['LONGLEAF_MIRROR'] || env['HF_ENDPOINT'];
  if (!mirror) return null;
  if (/^https?:\/\/[^/\s]+/.test(mirror) && URL.canParse(mirror)) return mirror.replace(/\/+$/, '');
  throw new AppError(
    'usage',
    `The mirror ${mirror} is no http address.`,
    'It takes the address that stands for https://huggingface.co, without the path of a file.',
  );
}

/** The address to fetch: of the hub through the mirror, any other as it is. A page of the hub becomes its file. */
export function hubUrl(url: string, mirror: string | null): string {
  if (!url.startsWith(`${HUB}/`)) return url;
  const path = url.slice(HUB.length).replace(/^(\/[^/]+\/[^/]+)\/blob\//, '$1/resolve/');
  return (mirror ?? HUB) + path;
}
