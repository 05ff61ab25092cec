/** A file to import as JSON values: one of its own, or those of a ZIP archive. */
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { AppError } from '../../../shared/errors.ts';
import { Archive, archiveLimits } from '../../ingest/index.ts';

/** bytes, of the file and of what a ZIP holds; a conversation of a million words is about 10 MB */
const largest = 256 * 2 ** 20;
/** of one archive */
const mostFiles = 1_000;

/** @throws AppError 'not-found', 'invalid-input' */
export async function readJsonFile(file: string): Promise<readonly unknown[]> {
  const found = await stat(file).catch(() => null);
  if (found === null) throw new AppError('not-found', `There is no file ${file}.`, 'Check the path.');
  if (!found.isFile())
    throw new AppError('invalid-input', `${file} is no file.`, 'Choose a JSON or ZIP file.');
  if (found.size > largest)
    throw new AppError(
      'invalid-input',
      `${file} has ${String(found.size)} bytes; the limit for an import is ${String(largest)}.`,
      'Export fewer conversations at once.',
    );
  const bytes = await readFile(file).catch((cause: Error) => {
    throw new AppError('invalid-input', `${file} can't be read: ${cause.message}.`, 'Check the file.', {
      cause,
    });
  });
  const name = basename(file);
  return isZip(bytes) ? readZip(bytes) : [parse(bytes, name)];
}

function isZip(bytes: Buffer): boolean {
  return bytes.subarray(0, 4).toString('latin1') === 'PK\u0003\u0004';
}

async function readZip(bytes: Buffer): Promise<unknown[]> {
  const archive = await Archive.open(bytes, { ...archiveLimits, entryBytes: largest, totalBytes: largest });
  const json = archive
    .names()
    .filter((name) => /\.json$/i.test(name) && !/(?:^|\/)(?:__MACOSX\/|\._)/.test(name));
  const named = json.filter((name) => /^conversations(?:-[^/]*)?\.json$/i.test(name.split('/').at(-1) ?? ''));
  const names = named.length > 0 ? named : json;
  if (names.length === 0)
    throw new AppError(
      'invalid-input',
      'The archive has no JSON file in it.',
      'Choose the ZIP as it was downloaded.',
    );
  if (names.length > mostFiles)
    throw new AppError(
      'invalid-input',
      `The archive has ${String(names.length)} JSON files; the limit is ${String(mostFiles)}.`,
    );
  const values: unknown[] = [];
  for (const name of names.sort()) values.push(parse(await archive.read(name), name));
  return values;
}

function parse(bytes: Buffer, name: string): unknown {
  try {
    return JSON.parse(bytes.toString('utf8').replace(/^\uFEFF/, '')) as unknown;
  } catch (cause) {
    throw new AppError(
      'invalid-input',
      `${name} is not JSON.`,
      'Choose an export of Longleaf (JSON), ChatGPT, Claude or Open WebUI, as JSON or ZIP.',
      { cause },
    );
  }
}
