/** Downloads of models that were interrupted: what has come lies beside the models, with a note of what it is. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../shared/errors.ts';
import type { PartialModel } from '../../shared/rpc/index.ts';
import { readNote, removePart } from './hub-download.ts';
import { modelsFolder, readManifest } from './models.ts';

const PART = '.part';

/** By file name. One without a note, or of which nothing has come, begins anew anyway: it is none. */
export async function partialModels(dataFolder: string): Promise<readonly PartialModel[]> {
  const folder = modelsFolder(dataFolder);
  const names = await readdir(folder).catch(() => []);
  const { models } = await readManifest();
  const found = names
    .filter((name) => name.endsWith(`.gguf${PART}`))
    .sort()
    .map(async (name): Promise<PartialModel | null> => {
      const part = join(folder, name);
      const [note, info] = await Promise.all([readNote(part), stat(part).catch(() => null)]);
      if (note === null || info === null || info.size === 0) return null;
      const file = name.slice(0, -PART.length);
      return {
        file,
        id: models.find((model) => model.file === file)?.id ?? null,
        url: note.url,
        sha256: note.wantedSha256,
        done: info.size,
        total: note.bytes,
      };
    });
  return (await Promise.all(found)).filter((partial) => partial !== null);
}

/** @throws AppError 'not-found' */
export async function discardPartial(dataFolder: string, file: string): Promise<void> {
  // a name of the list, so never a path that leads elsewhere
  if (!(await partialModels(dataFolder)).some((partial) => partial.file === file))
    throw new AppError('not-found', `No download of ${file} was interrupted.`);
  await removePart(join(modelsFolder(dataFolder), `${file}${PART}`));
}
