/**
 * Libraries: add and update (scan, preview, extract, index, read), list, show, remove. Every step is durable and knows
 * what is done already, so that a repeated or interrupted command goes on where it stopped.
 */
import { access } from 'node:fs/promises';
import { AppError } from '../../shared/errors.ts';
import type { Library, LibraryId } from '../../shared/model/index.ts';
import type {
  LibraryDetails,
  LibraryEvent,
  LibraryReport,
  LibrarySummary,
  StateReport,
} from '../../shared/rpc/index.ts';
import type { EngineChoice, Engines, LoadedModel } from './engines.ts';
import type { Emit } from './event-stream.ts';
import { throttled } from './event-stream.ts';
import type { BuildConfig } from './library-build.ts';
import { fileReport, indexVersion, outcomes, planBuild, PROGRESS_INTERVAL_MS } from './library-build.ts';
import type { LibraryContents } from './library-context.ts';
import { contentsOf, libraryContents, prefixOf } from './library-context.ts';
import { estimatedTokens, previewOf } from './library-preview.ts';
import type { ReadReport } from './library-reading.ts';
import { estimateReading, readingPlan, readStage, stateReport, wantsReading } from './library-reading.ts';
import { readingOf } from './library-settings.ts';
import { Locks } from './locks.ts';
import type { VersionPlan } from './version-plan.ts';
import { countChanges } from './version-plan.ts';

export interface LibrariesConfig extends BuildConfig {
  readonly engines: Engines;
}

export interface AddRequest extends EngineChoice {
  readonly name: string;
  readonly paths: readonly string[];
  readonly read?: Library['read'] | undefined;
  readonly preview?: boolean | undefined;
}

export interface UpdateRequest extends EngineChoice {
  readonly name: string;
  readonly verify?: boolean | undefined;
  readonly preview?: boolean | undefined;
}

/** Names of libraries that hold what was attached to a conversation; they are not listed. */
export const ATTACHED = 'attached:';

interface Build {
  readonly library: Library;
  readonly choice: EngineChoice;
  readonly verify: boolean;
  readonly preview: boolean;
}

export class Libraries {
  readonly #config: LibrariesConfig;
  readonly #locks = new Locks();

  constructor(config: LibrariesConfig) {
    this.#config = config;
  }

  /**
   * Creates the library or adds paths to it; the same paths again are an update.
   * @throws AppError 'not-found' for a path that is not there, and what `update` throws
   */
  async add(request: AddRequest, emit: Emit<LibraryEvent>, signal: AbortSignal): Promise<void> {
    await assertPaths(request.paths);
    await this.#locks.run(request.name, signal, async () => {
      const existing = await this.#config.store.library(request.name);
      const roots = [...new Set([...(existing?.roots ?? []), ...request.paths])];
      const library =
        request.preview === true
          ? previewLibrary(request, existing, roots)
          : await this.#place(request, existing, roots);
      await this.#build(
        { library, choice: request, verify: false, preview: request.preview === true },
        emit,
        signal,
      );
    });
  }

  /** @throws AppError 'not-found', 'interrupted', 'disk-full', 'model-missing' */
  async update(request: UpdateRequest, emit: Emit<LibraryEvent>, signal: AbortSignal): Promise<void> {
    await this.#locks.run(request.name, signal, async () => {
      const library = await this.#require(request.name);
      const { verify = false, preview = false } = request;
      await this.#build({ library, choice: request, verify, preview }, emit, signal);
    });
  }

  /** The user's explicit act: reads the library into a state, and from now on after each update. */
  async read(
    request: EngineChoice & { name: string },
    emit: Emit<LibraryEvent>,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#locks.run(request.name, signal, async () => {
      const library = await this.#require(request.name);
      const always = await this.#config.store.updateLibrary(library.id, { read: 'always' });
      if (always.versionId === null) {
        await this.#build({ library: always, choice: request, verify: false, preview: false }, emit, signal);
        return;
      }
      const started = performance.now();
      const model = await this.#config.engines.load(request);
      const contents = await libraryContents(this.#config.store, always);
      const state = await this.#readStage({ model, choice: request, contents }, null, emit, signal);
      emit({ kind: 'done', report: await this.#report(contents, NO_CHANGES, state, started) });
    });
  }

  async list(): Promise<readonly LibrarySummary[]> {
    const libraries = await this.#config.store.libraries();
    return Promise.all(
      libraries.filter(({ name }) => !name.startsWith(ATTACHED)).map((library) => this.#summary(library)),
    );
  }

  /** @throws AppError 'not-found' */
  async show(name: string): Promise<LibraryDetails> {
    const library = await this.#require(name);
    const contents = await libraryContents(this.#config.store, library);
    return {
      ...(await this.#summary(library)),
      list: contents.files,
      counts: outcomes(contents.files),
      state: await this.#stateOf(contents, {}),
    };
  }

  /** @throws AppError 'not-found' for a library that was never read */
  async state(request: EngineChoice & { name: string }): Promise<StateReport> {
    const library = await this.#require(request.name);
    const report = await this.#stateOf(await libraryContents(this.#config.store, library), request);
    if (report !== null) return report;
    throw new AppError(
      'not-found',
      `The library ${library.name} is indexed; it was not read into a state.`,
      `Read it with \`longleaf library read ${library.name}\`.`,
    );
  }

  /** Index and states; documents that another library has stay. */
  async remove(name: string): Promise<void> {
    await this.#locks.run(name, new AbortController().signal, async () => {
      const library = await this.#require(name);
      const reading = await readingOf(this.#config.store, library.id);
      if (reading !== null) {
        const model = await this.#config.engines.load({ model: reading.model }).catch(() => null);
        // States of a model that is gone are rebuildable data of nobody: the quota takes them.
        await (await model?.engine())?.removeStored(library.id);
      }
      await this.#config.store.removeLibrary(library.id);
    });
  }

  /** Jobs that a kill left behind, to be taken up again by name. */
  async unfinished(): Promise<readonly { readonly name: string; readonly kind: 'add' | 'read' }[]> {
    const { store } = this.#config;
    const found = [];
    for (const { kind, libraryId, state } of await store.jobs()) {
      const library = state === 'running' ? await store.libraryById(libraryId) : null;
      if (library !== null) found.push({ name: library.name, kind });
    }
    return found;
  }

  /** Indexes a library whose first indexing was interrupted; nothing to do for any other. */
  async ensureIndexed(
    name: string,
    choice: EngineChoice,
    emit: Emit<LibraryEvent>,
    signal: AbortSignal,
  ): Promise<Library> {
    const library = await this.#require(name);
    if (library.versionId !== null) return library;
    await this.update({ ...choice, name }, emit, signal);
    return this.#require(name);
  }

  async #build(build: Build, emit: Emit<LibraryEvent>, signal: AbortSignal): Promise<void> {
    const { store, engines } = this.#config;
    const { library, choice } = build;
    const started = performance.now();
    const model = await engines.load(choice);
    const reads = wantsReading(model, library.read);
    // The engine loads its model while files are scanned; a failure shows when it is awaited.
    if (reads && !build.preview) model.engine().catch(() => undefined);
    const before = library.versionId === null ? [] : await store.versionFiles(library.versionId);
    const plan = await planBuild(this.#config, library, before, build.verify, emit, signal);
    emit({
      kind: 'preview',
      preview: previewOf(library.name, plan, reads ? await this.#estimate(build, model, plan) : null),
    });
    if (build.preview) return;
    await this.#job(library.id, 'add', async () => {
      const contents = await indexVersion(this.#config, library, model, plan, before, emit, signal);
      const state = reads ? await this.#readStage({ model, choice, contents }, plan, emit, signal) : null;
      emit({ kind: 'done', report: await this.#report(contents, countChanges(plan), state, started) });
    });
  }

  async #readStage(
    stage: { readonly model: LoadedModel; readonly choice: EngineChoice; readonly contents: LibraryContents },
    plan: VersionPlan | null,
    emit: Emit<LibraryEvent>,
    signal: AbortSignal,
  ): Promise<ReadReport> {
    const { store, engines } = this.#config;
    const { library } = stage.contents;
    const report = throttled(emit, PROGRESS_INTERVAL_MS);
    return this.#job(library.id, 'read', () =>
      readStage({
        ...stage,
        store,
        engines,
        signal,
        onModel: () => emit({ kind: 'progress', phase: 'model', done: 0, total: 0, unit: 'bytes' }),
        onEstimate: (estimate) =>
          emit({ kind: 'preview', preview: previewOf(library.name, plan ?? NOTHING_CHANGED, estimate) }),
        onProgress: ({ phase, done, total }) =>
          report({ kind: 'progress', phase, done, total, unit: 'tokens' }),
      }),
    );
  }

  /** What reading will cost, before extraction: exact up to the first document that is new or changed. */
  async #estimate(
    build: Build,
    model: LoadedModel,
    plan: VersionPlan,
  ): Promise<ReturnType<typeof estimateReading>> {
    const { store, engines } = this.#config;
    const reading = await readingOf(store, build.library.id);
    const attention = readingPlan(engines, model, build.choice, reading);
    const tokens = estimatedTokens(plan);
    if (reading === null) return estimateReading(model, attention, null, tokens, 0);
    const firstNew = plan.files.findIndex(({ change }) => change === 'changed' || change === 'added');
    const leading = (firstNew < 0 ? plan.files : plan.files.slice(0, firstNew)).flatMap(
      ({ before }) => before ?? [],
    );
    const prefix = await prefixOf(store, model, contentsOf(build.library, leading));
    const found = await (await model.engine()).findStored(attention, prefix.ids);
    return estimateReading(model, attention, reading, Math.max(tokens, found), found);
  }

  async #stateOf(contents: LibraryContents, choice: EngineChoice): Promise<StateReport | null> {
    const { store, engines } = this.#config;
    const reading = await readingOf(store, contents.library.id);
    if (reading === null) return null;
    const model = await engines.load({ ...choice, model: choice.model ?? reading.model });
    const plan = readingPlan(engines, model, choice, reading);
    const prefix = await prefixOf(store, model, contents);
    return stateReport(await model.engine(), model, plan, contents.library.id, prefix);
  }

  async #summary(library: Library): Promise<LibrarySummary> {
    const { store } = this.#config;
    const { files, documents, tokens } = await libraryContents(store, library);
    const jobs = await store.jobs();
    const busy = jobs.some(
      (job) => job.libraryId === library.id && (job.state === 'running' || job.state === 'paused'),
    );
    const reading = await readingOf(store, library.id);
    const isRead = reading !== null && reading.versionId === library.versionId;
    const status = busy ? 'reading' : documents.length === 0 ? 'empty' : isRead ? 'read' : 'indexed';
    return {
      library,
      files: files.length,
      tokens,
      bytes: files.reduce((sum, file) => sum + file.bytes, 0),
      status,
    };
  }

  async #report(
    contents: LibraryContents,
    changes: ReturnType<typeof countChanges>,
    state: ReadReport | null,
    started: number,
  ): Promise<LibraryReport> {
    const engines = await this.#config.engines.running();
    const memory = await Promise.all(engines.map((engine) => engine.memory()));
    // maxRSS is in KiB on every platform (libuv).
    const peakBytes = memory.reduce(
      (sum, one) => sum + one.peakResident,
      process.resourceUsage().maxRSS * 1024,
    );
    return {
      library: contents.library.name,
      files: contents.files.map(fileReport),
      counts: outcomes(contents.files),
      ...changes,
      tokens: contents.tokens,
      seconds: (performance.now() - started) / 1000,
      peakMemoryMB: peakBytes / 2 ** 20,
      state,
    };
  }

  /** A durable row while the work runs. What a kill leaves 'running' is taken up again; a cancel pauses. */
  async #job<T>(libraryId: LibraryId, kind: 'add' | 'read', work: () => Promise<T>): Promise<T> {
    const { store } = this.#config;
    const job = { id: `${kind}:${libraryId}`, kind, libraryId, detail: '' } as const;
    await store.putJob({ ...job, state: 'running' });
    try {
      const result = await work();
      await store.putJob({ ...job, state: 'done' });
      return result;
    } catch (error) {
      const cancelled = error instanceof AppError ? error.code === 'interrupted' : isAbort(error);
      // The failure itself is what the user must see, not that it could not be written down (a full disk).
      await store.putJob({ ...job, state: cancelled ? 'paused' : 'failed' }).catch(() => undefined);
      throw error;
    }
  }

  async #place(request: AddRequest, existing: Library | null, roots: readonly string[]): Promise<Library> {
    const { store } = this.#config;
    if (existing === null)
      return store.createLibrary({ name: request.name, roots, read: request.read ?? 'auto' });
    return store.updateLibrary(existing.id, {
      roots,
      ...(request.read === undefined ? {} : { read: request.read }),
    });
  }

  async #require(name: string): Promise<Library> {
    const library = await this.#config.store.library(name);
    if (library !== null) return library;
    throw new AppError('not-found', `There is no library "${name}".`, 'See `longleaf library list`.');
  }
}

const NO_CHANGES = { added: 0, changed: 0, removed: 0, renamed: 0, unchanged: 0 };
const NOTHING_CHANGED: VersionPlan = { files: [], removed: [] };

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

async function assertPaths(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await access(path).catch((cause: unknown) => {
      throw new AppError(
        'not-found',
        `${path} is not there, or can't be opened.`,
        'Check the path and its permissions.',
        { cause },
      );
    });
  }
}

/** A library that exists in the preview only. */
function previewLibrary(request: AddRequest, existing: Library | null, roots: readonly string[]): Library {
  const read = request.read ?? existing?.read ?? 'auto';
  if (existing !== null) return { ...existing, roots, read };
  return { id: '' as LibraryId, name: request.name, roots, versionId: null, read, createdAt: '' };
}
