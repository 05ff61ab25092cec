/** How the text files of a library were decoded, and how they are to be. */
import { AppError } from '../../shared/errors.ts';
import type { LibraryFile } from '../../shared/model/index.ts';
import type { Args, FileEncoding } from '../../shared/rpc/index.ts';
import type { Ingest, ScanEntry } from '../ingest/index.ts';
import { hasEncoding } from '../ingest/index.ts';
import type { Store } from '../store/index.ts';
import { chosenEncodings, rememberEncodings } from './chosen-encodings.ts';
import { requireLibrary } from './library-summaries.ts';

/** Bytes of a file that is decoded once more only to say how; of a larger one nothing is said. */
const MOST_LOOKED_AT = 16 * 2 ** 20;

/** How a text file was decoded. @throws AppError 'not-found', 'invalid-input' (no text file, or one in an archive) */
export async function fileEncoding(
  { store, ingest }: { readonly store: Store; readonly ingest: Ingest },
  { name, path }: Args<'library.encoding'>,
): Promise<FileEncoding> {
  const { library, file } = await fileOf(store, name, path);
  const entry = await textFile(ingest, file);
  const chosen = (await chosenEncodings(store, library.id)).get(file.absolutePath) ?? null;
  if (chosen !== null) return { encoding: chosen, guessed: false, chosen: true };
  if (entry.bytes > MOST_LOOKED_AT) return { encoding: null, guessed: false, chosen: false };
  const { encoding } = await ingest.extract(entry);
  return { encoding: encoding.replace('?', ''), guessed: encoding.endsWith('?'), chosen: false };
}

/**
 * From the next update on the file is decoded so; null: as its bytes suggest.
 * @throws AppError 'not-found', 'invalid-input' (no text file, or one in an archive)
 */
export async function chooseEncoding(
  { store, ingest }: { readonly store: Store; readonly ingest: Ingest },
  { name, path, encoding }: Args<'library.setEncoding'>,
): Promise<{ readonly saved: true }> {
  const { library, file } = await fileOf(store, name, path);
  await textFile(ingest, file);
  const chosen = new Map(await chosenEncodings(store, library.id)).set(file.absolutePath, encoding);
  await rememberEncodings(store, library.id, chosen);
  return { saved: true };
}

async function fileOf(store: Store, name: string, path: string) {
  const library = await requireLibrary(store, name);
  const file = library.versionId === null ? null : await store.versionFile(library.versionId, path);
  if (file !== null) return { library, file };
  throw new AppError(
    'not-found',
    `There is no file ${path} in the library ${name}.`,
    'See `longleaf library show NAME`.',
  );
}

async function textFile(ingest: Ingest, file: LibraryFile): Promise<ScanEntry> {
  for await (const entry of ingest.scan([file.absolutePath], { maxFileBytes: Infinity }))
    if (hasEncoding(entry.kind)) return entry;
  throw new AppError(
    'invalid-input',
    `${file.path} has no encoding to choose: it is no text file on its own, or it is not there any more.`,
    'Encodings can be chosen for text files outside of archives.',
  );
}
