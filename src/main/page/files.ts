import { readdir } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import { AppError } from '../../shared/errors.ts';

export interface PageFile {
  /** absolute */
  readonly file: string;
  readonly mediaType: string;
  /** its name carries its hash: what has been loaded once stays good for ever */
  readonly immutable: boolean;
}

/** URL path -> file. Fixed at start: no part of a URL ever becomes part of a path. */
export type PageFiles = ReadonlyMap<string, PageFile>;

const mediaTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.woff': 'font/woff',
  '.ttf': 'font/ttf',
  '.txt': 'text/plain; charset=utf-8',
};

/**
 * All files below `folder` (out/renderer), and `/` for its index.html.
 * @throws AppError 'not-found' when the page has not been built
 */
export async function readPage(folder: string): Promise<PageFiles> {
  const files = new Map<string, PageFile>();
  for (const entry of await entries(folder)) {
    const mediaType = mediaTypes[extname(entry).toLowerCase()];
    if (mediaType === undefined) continue; // source maps, and whatever else nobody asks for
    const path = `/${entry.split(sep).join('/')}`;
    files.set(path, { file: join(folder, entry), mediaType, immutable: path.startsWith('/assets/') });
  }
  const index = files.get('/index.html');
  if (!index) {
    throw new AppError(
      'not-found',
      'The page has not been built yet.',
      'Run `npm run build`, or `npm start`.',
    );
  }
  return files.set('/', index);
}

/** Relative paths of the files below a folder; none where there is no such folder. */
async function entries(folder: string): Promise<readonly string[]> {
  const found = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const nested = found.map(async (entry) => {
    if (!entry.isDirectory()) return entry.isFile() ? [entry.name] : [];
    return (await entries(join(folder, entry.name))).map((inner) => join(entry.name, inner));
  });
  return (await Promise.all(nested)).flat();
}
