/** Models behind the contract: what is installed, and how it comes and goes. */
import { AppError } from '../../shared/errors.ts';
import type {
  AppEvent,
  Handlers,
  ModelEvent,
  ModelSummary,
  ModelVerifyEvent,
} from '../../shared/rpc/index.ts';
import { openGguf } from '../formats/index.ts';
import type { Engines } from './engines.ts';
import type { Emit } from './event-stream.ts';
import { eventStream, throttled } from './event-stream.ts';
import { checkInstalled, removeModel } from './installed-model.ts';
import { measureSpeed, readSpeed, saveSpeed } from './machine-speed.ts';
import { downloadFromUrl, downloadModel, fileNameOf } from './model-download.ts';
import type { DownloadOptions } from './model-download.ts';
import { freeMemoryMB, weightBytes } from './model-fit.ts';
import { importModel } from './model-import.ts';
import { mirrorOf } from './model-mirror.ts';
import { ModelSummaries } from './model-summaries.ts';
import type { ByteProgress, InstalledModel, KnownModel } from './models.ts';
import { discardPartial, partialModels } from './model-partials.ts';
import { availableModels, listModels, modelsFolder, readManifest } from './models.ts';
import { downloadSentenceModel, sentenceModelFolder } from './sentence-model-files.ts';
import type { AppSettings } from './settings.ts';

export interface ModelParts {
  readonly dataFolder: string;
  readonly engines: Engines;
  readonly settings: AppSettings;
  readonly emit: Emit<AppEvent>;
  readonly onNote: (text: string) => void;
  /** told when the sentence model, which comes with the default model, has come */
  readonly onSentenceModel: () => void;
}

type ModelMethod = Extract<keyof Handlers, `models.${string}`>;
type Work = (progress: ByteProgress, signal: AbortSignal) => Promise<InstalledModel>;

const PROGRESS_INTERVAL_MS = 100;
const MB = 2 ** 20;

export function modelHandlers(parts: ModelParts): Pick<Handlers, ModelMethod> {
  const { dataFolder, emit } = parts;
  const summaries = new ModelSummaries(modelsFolder(dataFolder));
  const summary = async (model: InstalledModel): Promise<ModelSummary> => {
    const isDefault = model.id === (parts.settings.model ?? (await readManifest()).default);
    const machine = {
      freeMB: await memoryFor(parts.engines, model),
      speed: await readSpeed(dataFolder),
    };
    return summaries.of(model, machine, isDefault);
  };
  const coming = new Coming();
  const list = async () => Promise.all((await availableModels(dataFolder)).map(summary));
  /** a stream that ends with the model that has come */
  const bring = (work: Work, signal: AbortSignal): AsyncIterable<ModelEvent> =>
    eventStream<ModelEvent>(async (tell, stop) => {
      const report = throttled(tell, PROGRESS_INTERVAL_MS);
      const model = await work((done, total) => report({ kind: 'progress', done, total }), stop);
      emit({ kind: 'models' });
      tell({ kind: 'done', model: await summary(model) });
    }, signal);
  return {
    'models.list': list,
    'models.import': ({ file, as }, { signal }) =>
      bring(async (onProgress, stop) => {
        // before gigabytes are read and copied
        await summaries.assertUsable(file);
        return importModel(dataFolder, file, { as, onProgress, signal: stop });
      }, signal),
    'models.download': ({ id }, { signal }) =>
      bring(async (onProgress, stop) => {
        const known = await knownModel(id);
        return coming.only(known.file, () => download(parts, known, { onProgress, signal: stop }));
      }, signal),
    'models.fetch': (wanted, { signal }) =>
      bring((onProgress, stop) => {
        const mirror = mirrorOf(parts.settings.current['models.mirror']);
        const options = { onProgress, mirror, signal: stop };
        return coming.only(fileNameOf(wanted.url), () => downloadFromUrl(dataFolder, wanted, options));
      }, signal),
    'models.partial': async () => (await partialModels(dataFolder)).filter(({ file }) => !coming.has(file)),
    'models.discard': async ({ file }) => {
      await coming.only(file, () => discardPartial(dataFolder, file));
      emit({ kind: 'models' });
      return { discarded: true };
    },
    'models.verify': ({ id }, { signal }) => verify(dataFolder, id, signal),
    'models.measure': async (_, { signal }) => {
      await measure(parts, signal);
      emit({ kind: 'models' });
      return list();
    },
    'models.remove': async ({ id }) => {
      await remove(parts, id);
      emit({ kind: 'models' });
      return { removed: true };
    },
  };
}

/** what is free, and what its own engine would give back */
async function memoryFor(engines: Engines, model: InstalledModel): Promise<number> {
  return freeMemoryMB() + (await engines.residentBytes(model.path)) / MB;
}

function verify(dataFolder: string, id: string, signal: AbortSignal): AsyncIterable<ModelVerifyEvent> {
  return eventStream<ModelVerifyEvent>(async (tell, stop) => {
    const model = (await availableModels(dataFolder)).find((one) => one.id === id);
    if (model === undefined) throw new AppError('model-missing', `No model ${id} is installed.`);
    const report = throttled(tell, PROGRESS_INTERVAL_MS);
    const { sha256, expected } = await checkInstalled(
      model,
      (done, total) => report({ kind: 'progress', done, total }),
      stop,
    );
    tell({ kind: 'done', sha256, comparedWith: expected?.by ?? null });
  }, signal);
}

/** With the model that answers by default; its engine goes on running. */
async function measure({ engines, dataFolder }: ModelParts, signal: AbortSignal): Promise<void> {
  const loaded = await engines.load({});
  const { id, path } = loaded.installed;
  const file = await openGguf(path);
  const bytes = weightBytes(file);
  await file.close();
  const speed = await measureSpeed(await loaded.engine(), { name: id, weightBytes: bytes }, signal);
  await saveSpeed(dataFolder, speed);
}

/** Files that are on their way: two downloads of one name would write into each other. */
class Coming {
  readonly #files = new Set<string>();

  has(file: string): boolean {
    return this.#files.has(file);
  }

  /** @throws AppError 'busy' */
  async only<T>(file: string, work: () => Promise<T>): Promise<T> {
    if (this.#files.has(file))
      throw new AppError('busy', `${file} is being downloaded.`, 'Wait for it, or cancel it first.');
    this.#files.add(file);
    try {
      return await work();
    } finally {
      this.#files.delete(file);
    }
  }
}

async function knownModel(id: string): Promise<KnownModel> {
  const { models } = await readManifest();
  const known = models.find((model) => model.id === id);
  if (known !== undefined) return known;
  throw new AppError(
    'not-found',
    `No model ${id} can be downloaded.`,
    `There are: ${models.map((model) => model.id).join(', ')}.`,
  );
}

async function download(
  parts: ModelParts,
  known: KnownModel,
  options: Pick<DownloadOptions, 'onProgress' | 'signal'>,
): Promise<InstalledModel> {
  const { dataFolder, settings } = parts;
  const mirror = mirrorOf(settings.current['models.mirror']);
  const model = await downloadModel(dataFolder, known, { ...options, mirror });
  if (known.id === (await readManifest()).default) await downloadSentences(parts, options);
  return model;
}

/** Everything works without it: why it did not come is said, and is no failure of the download. */
async function downloadSentences(
  { dataFolder, onNote, onSentenceModel }: ModelParts,
  options: Pick<DownloadOptions, 'onProgress' | 'signal'>,
): Promise<void> {
  if ((await sentenceModelFolder(dataFolder)) !== null) return;
  try {
    await downloadSentenceModel(dataFolder, options);
    onSentenceModel();
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'model-missing') throw error;
    onNote(`${error.message} ${error.hint ?? ''}`);
  }
}

/** Ends its engine first: a file that is in use can't be deleted everywhere. */
async function remove({ dataFolder, engines, settings, emit }: ModelParts, id: string): Promise<void> {
  const model = (await listModels(dataFolder)).find((one) => one.id === id);
  if (model !== undefined) await engines.forget(model.path);
  await removeModel(dataFolder, id);
  if (settings.model !== id) return;
  // What answers from now on is the model that the app comes with.
  const current = await settings.set({ 'models.default': '' });
  emit({ kind: 'settings', settings: current });
}
