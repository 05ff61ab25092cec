/** Models behind the contract: what is installed, and how it comes and goes. */
import { availableMemory } from 'node:process';
import { AppError } from '../../shared/errors.ts';
import type { AppEvent, Handlers, ModelEvent, ModelSummary } from '../../shared/rpc/index.ts';
import type { Engines } from './engines.ts';
import type { Emit } from './event-stream.ts';
import { eventStream, throttled } from './event-stream.ts';
import { downloadModel } from './model-download.ts';
import { ModelSummaries } from './model-summaries.ts';
import type { ByteProgress, InstalledModel } from './models.ts';
import { availableModels, importModel, listModels, readManifest, removeModel } from './models.ts';
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

const PROGRESS_INTERVAL_MS = 100;
const MB = 2 ** 20;

export function modelHandlers(parts: ModelParts): Pick<Handlers, ModelMethod> {
  const { dataFolder, emit } = parts;
  const summaries = new ModelSummaries();
  const summary = async (model: InstalledModel): Promise<ModelSummary> => {
    const isDefault = model.id === (parts.settings.model ?? (await readManifest()).default);
    return summaries.of(model, await memoryFor(parts.engines, model), isDefault);
  };
  /** a stream that ends with the model that has come */
  const bring = (
    work: (progress: ByteProgress, signal: AbortSignal) => Promise<InstalledModel>,
    signal: AbortSignal,
  ): AsyncIterable<ModelEvent> =>
    eventStream<ModelEvent>(async (tell, stop) => {
      const report = throttled(tell, PROGRESS_INTERVAL_MS);
      const model = await work((done, total) => report({ kind: 'progress', done, total }), stop);
      emit({ kind: 'models' });
      tell({ kind: 'done', model: await summary(model) });
    }, signal);
  return {
    'models.list': async () => Promise.all((await availableModels(dataFolder)).map(summary)),
    'models.import': ({ file }, { signal }) =>
      bring(async (progress, stop) => {
        // before gigabytes are read and copied
        await summaries.assertUsable(file);
        return importModel(dataFolder, file, progress, stop);
      }, signal),
    'models.download': ({ id }, { signal }) =>
      bring((onProgress, stop) => download(parts, id, onProgress, stop), signal),
    'models.remove': async ({ id }) => {
      await remove(parts, id);
      emit({ kind: 'models' });
      return { removed: true };
    },
  };
}

/** what is free, and what its own engine would give back */
async function memoryFor(engines: Engines, model: InstalledModel): Promise<number> {
  return (availableMemory() + (await engines.residentBytes(model.path))) / MB;
}

async function download(
  parts: ModelParts,
  id: string,
  onProgress: ByteProgress,
  signal: AbortSignal,
): Promise<InstalledModel> {
  const { dataFolder } = parts;
  const manifest = await readManifest();
  const { models } = manifest;
  const known = models.find((model) => model.id === id);
  if (known === undefined)
    throw new AppError(
      'not-found',
      `No model ${id} can be downloaded.`,
      `There are: ${models.map((model) => model.id).join(', ')}.`,
    );
  const model = await downloadModel(dataFolder, known, { onProgress, signal });
  if (id === manifest.default) await downloadSentences(parts, onProgress, signal);
  return model;
}

/** Everything works without it: why it did not come is said, and is no failure of the download. */
async function downloadSentences(
  { dataFolder, onNote, onSentenceModel }: ModelParts,
  onProgress: ByteProgress,
  signal: AbortSignal,
): Promise<void> {
  if ((await sentenceModelFolder(dataFolder)) !== null) return;
  try {
    await downloadSentenceModel(dataFolder, { onProgress, signal });
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
