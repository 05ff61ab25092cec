/**
 * Libraries: add and update (scan, preview, extract, index, read), change, remove. Every step is durable and knows
 * what is done already, so that a repeated or interrupted command goes on where it stopped.
 */
import { access } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../shared/errors.ts';
import type { Library, LibraryId } from '../../shared/model/index.ts';
import type { LibraryEvent, LibraryReport, LibrarySummary } from '../../shared/rpc/index.ts';
import type { Store } from '../store/index.ts';
import type { EngineChoice, Engines, LoadedModel } from './engines.ts';
import type { Emit } from './event-stream.ts';
import { throttled } from './event-stream.ts';
import type { JobOrder } from './job-row.ts';
import { withJobRow } from './job-row.ts';
import type { BuildConfig } from './library-build.ts';
import {
  fileReport,
  filesBefore,
  indexVersion,
  outcomes,
  planBuild,
  PROGRESS_INTERVAL_MS,
} from './library-build.ts';
import { rememberChange } from './library-changes.ts';
import type { LibraryContents } from './library-context.ts';
import { contentsOf, libraryContents, prefixOf } from './library-context.ts';
import { estimatedTokens, previewOf } from './library-preview.ts';
import type { ReadReport } from './library-reading.ts';
import { estimateReading, readingPlan, readStage, wantsReading } from './library-reading.ts';
import { readingOf } from './library-settings.ts';
import { ATTACHED, requireLibrary, summaryOf } from './library-summaries.ts';
import { Locks } from './locks.ts';
import type { ReadingGate, ReadingTurn } from './reading-gate.ts';
import type { VersionPlan } from './version-plan.ts';
import { countChanges } from './version-plan.ts';

export interface LibrariesConfig {
  readonly store: Store;
  readonly build: BuildConfig;
  readonly engines: Engines;
  readonly gate: ReadingGate;
  /** told the name of a library that is another than before */
  readonly onChange: (name: string) => void;
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
  readonly retry?: JobOrder['retry'];
  readonly preview?: boolean | undefined;
}

export { ATTACHED };

/** Work on a library under way: what it tells, and what stops it. */
export interface Work {
  readonly emit: Emit<LibraryEvent>;
  readonly signal: AbortSignal;
  /** of the reading: whether it is its turn */
  readonly onTurn: (turn: ReadingTurn) => void;
}

export class Libraries {
  readonly #config: LibrariesConfig;
  readonly #locks = new Locks();

  constructor(config: LibrariesConfig) {
    this.#config = config;
  }

  /** whether a library is being indexed, read, changed or removed */
  isWorking(): boolean {
    return this.#locks.isAnyTaken();
  }

  /**
   * Creates the library or adds paths to it; the same paths again are an update.
   * @throws AppError 'not-found' for a path that is not there, and what `update` throws
   */
  async add(request: AddRequest, emit: Emit<LibraryEvent>, signal: AbortSignal): Promise<void> {
    const { model, plan, backend } = request;
    const order: JobOrder = { kind: 'add', model, plan, backend };
    if (request.preview === true) {
      await assertPaths(request.paths);
      const existing = await this.#config.store.library(request.name);
      return this.#preview(previewLibrary(request, existing), order, emit, signal);
    }
    const library = await this.place(request);
    await this.run(library.id, order, { emit, signal, onTurn: ignore });
  }

  /** @throws AppError 'not-found', 'interrupted', 'disk-full', 'model-missing' */
  async update(request: UpdateRequest, emit: Emit<LibraryEvent>, signal: AbortSignal): Promise<void> {
    const { name, model, plan, backend, verify, retry } = request;
    const order: JobOrder = { kind: 'update', model, plan, backend, verify, retry };
    const library = await requireLibrary(this.#config.store, name);
    if (request.preview === true) return this.#preview(library, order, emit, signal);
    await this.run(library.id, order, { emit, signal, onTurn: ignore });
  }

  /** The user's explicit act: reads the library into a state, and from now on after each update. */
  async read(
    { name, model, plan, backend }: EngineChoice & { name: string },
    emit: Emit<LibraryEvent>,
    signal: AbortSignal,
  ): Promise<void> {
    const library = await this.readAlways(name);
    const order: JobOrder = { kind: 'read', model, plan, backend };
    await this.run(library.id, order, { emit, signal, onTurn: ignore });
  }

  /**
   * Makes the library, or adds the paths to it; nothing is read yet.
   * @throws AppError 'not-found' for a path that is not there
   */
  async place(request: AddRequest): Promise<Library> {
    const { store } = this.#config;
    await assertPaths(request.paths);
    return this.#locks.run(`name ${request.name}`, never, async () => {
      const existing = await store.library(request.name);
      const roots = rootsWith(existing, request.paths);
      if (existing === null)
        return store.createLibrary({ name: request.name, roots, read: request.read ?? 'auto' });
      const read = request.read ?? existing.read;
      return store.updateLibrary(existing.id, { roots, read });
    });
  }

  /** @throws AppError 'not-found' */
  async readAlways(name: string): Promise<Library> {
    const library = await requireLibrary(this.#config.store, name);
    return this.#config.store.updateLibrary(library.id, { read: 'always' });
  }

  /** Does what is ordered, when nobody else works on the library; with its durable row. */
  async run(id: LibraryId, order: JobOrder, work: Work): Promise<void> {
    const { store } = this.#config;
    await this.#locks.run(id, work.signal, async () => {
      const library = await store.libraryById(id);
      if (library === null) throw new AppError('not-found', 'The library is not there any more.');
      try {
        await withJobRow(store, id, order, work.signal, () =>
          order.kind === 'read' && library.versionId !== null
            ? this.#read(library, order, work)
            : this.#build(library, order, work),
        );
      } finally {
        this.#config.onChange(library.name);
      }
    });
  }

  /** @throws AppError 'not-found', 'conflict' (the new name is another library's) */
  async change(request: {
    readonly name: string;
    readonly newName?: string | undefined;
    readonly read?: Library['read'] | undefined;
  }): Promise<LibrarySummary> {
    const { store, onChange } = this.#config;
    const library = await requireLibrary(store, request.name);
    const name = request.newName ?? library.name;
    if (name.trim().startsWith(ATTACHED))
      throw new AppError('invalid-input', `The name can't begin with "${ATTACHED}".`, 'Choose another name.');
    const changed = await store.updateLibrary(library.id, { name, read: request.read ?? library.read });
    if (changed.name !== library.name) onChange(library.name);
    onChange(changed.name);
    return summaryOf(store, changed);
  }

  /** Index and states; documents that another library has stay. */
  async remove(name: string): Promise<void> {
    const { store, engines, onChange } = this.#config;
    const { id } = await requireLibrary(store, name);
    await this.#locks.run(id, never, async () => {
      const reading = await readingOf(store, id);
      if (reading !== null) {
        const model = await engines.load({ model: reading.model }).catch(() => null);
        // States of a model that is gone are rebuildable data of nobody: the quota takes them.
        await (await model?.engine())?.removeStored(id);
      }
      await store.removeLibrary(id);
    });
    onChange(name);
  }

  /**
   * A library that can be asked: one that was never indexed is indexed now. Where that is under way already, what is
   * there of it answers as soon as something is.
   */
  async ensureIndexed(
    name: string,
    choice: EngineChoice,
    emit: Emit<LibraryEvent>,
    signal: AbortSignal,
  ): Promise<Library> {
    const { store } = this.#config;
    let library = await requireLibrary(store, name);
    while (library.versionId === null && this.#locks.isTaken(library.id)) {
      emit({ kind: 'progress', phase: 'index', done: 0, total: 0, unit: 'files' });
      await sleep(INDEX_POLL_MS, undefined, { signal });
      library = await requireLibrary(store, library.name);
    }
    if (library.versionId !== null) return library;
    await this.update({ ...choice, name: library.name }, emit, signal);
    return requireLibrary(store, library.name);
  }

  async #preview(
    library: Library,
    order: JobOrder,
    emit: Emit<LibraryEvent>,
    signal: AbortSignal,
  ): Promise<void> {
    const { store, engines } = this.#config;
    const model = await engines.load(order);
    const before = await filesBefore(store, library);
    const plan = await planBuild(this.#config.build, library, before, order, emit, signal);
    await rememberChange(store, library, plan);
    const reads = wantsReading(model, library.read);
    const estimate = reads ? await this.#estimate(library, order, model, plan) : null;
    emit({ kind: 'preview', preview: previewOf(library.name, plan, estimate) });
  }

  async #build(library: Library, order: JobOrder, work: Work): Promise<void> {
    const { store, engines } = this.#config;
    const { emit, signal } = work;
    const started = performance.now();
    const model = await engines.load(order);
    const reads = wantsReading(model, library.read);
    // The engine loads its model while files are scanned; a failure shows when it is awaited.
    if (reads) model.engine().catch(() => undefined);
    const before = await filesBefore(store, library);
    const plan = await planBuild(this.#config.build, library, before, order, emit, signal);
    const estimate = reads ? await this.#estimate(library, order, model, plan) : null;
    emit({ kind: 'preview', preview: previewOf(library.name, plan, estimate) });
    const contents = await indexVersion(this.#config.build, library, model, plan, before, emit, signal);
    await rememberChange(store, contents.library, null);
    this.#config.onChange(library.name);
    const state = reads ? await this.#readStage({ model, order, contents }, plan, work) : null;
    emit({ kind: 'done', report: await this.#report(contents, countChanges(plan), state, started) });
  }

  async #read(library: Library, order: JobOrder, work: Work): Promise<void> {
    const started = performance.now();
    const model = await this.#config.engines.load(order);
    const contents = await libraryContents(this.#config.store, library);
    const state = await this.#readStage({ model, order, contents }, null, work);
    work.emit({ kind: 'done', report: await this.#report(contents, NO_CHANGES, state, started) });
  }

  async #readStage(
    stage: { readonly model: LoadedModel; readonly order: JobOrder; readonly contents: LibraryContents },
    plan: VersionPlan | null,
    { emit, signal, onTurn }: Work,
  ): Promise<ReadReport> {
    const { store, engines, gate } = this.#config;
    const { model, order, contents } = stage;
    const report = throttled(emit, PROGRESS_INTERVAL_MS);
    return readStage({
      model,
      choice: order,
      contents,
      store,
      engines,
      signal,
      whenOpen: (work) => gate.read(work, signal, onTurn),
      onModel: () => emit({ kind: 'progress', phase: 'model', done: 0, total: 0, unit: 'bytes' }),
      onEstimate: (estimate) =>
        emit({
          kind: 'preview',
          preview: previewOf(contents.library.name, plan ?? NOTHING_CHANGED, estimate),
        }),
      onProgress: ({ phase, done, total }) =>
        report({ kind: 'progress', phase, done, total, unit: 'tokens' }),
    });
  }

  /** What reading will cost, before extraction: exact up to the first document that is new or changed. */
  async #estimate(
    library: Library,
    choice: EngineChoice,
    model: LoadedModel,
    plan: VersionPlan,
  ): Promise<ReturnType<typeof estimateReading>> {
    const { store, engines } = this.#config;
    const reading = await readingOf(store, library.id);
    const attention = readingPlan(engines, model, choice, reading);
    const tokens = estimatedTokens(plan);
    if (reading === null) return estimateReading(model, attention, null, tokens, 0);
    const firstNew = plan.files.findIndex(({ change }) => change === 'changed' || change === 'added');
    const leading = (firstNew < 0 ? plan.files : plan.files.slice(0, firstNew)).flatMap(
      ({ before }) => before ?? [],
    );
    const prefix = await prefixOf(store, model, contentsOf(library, leading));
    const found = await (await model.engine()).findStored(attention, prefix.ids);
    return estimateReading(model, attention, reading, Math.max(tokens, found), found);
  }

  async #report(
    contents: LibraryContents,
    changes: ReturnType<typeof countChanges>,
    state: ReadReport | null,
    started: number,
  ): Promise<LibraryReport> {
    const engines = await this.#config.engines.running();
    const memory = await Promise.all(engines.map((engine) => engine.memory()));
    const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
    // maxRSS is in KiB on every platform (libuv).
    const peakBytes = memory.reduce((sum, one) => sum + one.peakResident, maxRSS * 1024);
    return {
      library: contents.library.name,
      files: contents.files.map(fileReport),
      counts: outcomes(contents.files),
      ...changes,
      tokens: contents.tokens,
      seconds: (performance.now() - started) / 1000,
      peakMemoryMB: peakBytes / 2 ** 20,
      cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
      state,
    };
  }
}

const NO_CHANGES = { added: 0, changed: 0, removed: 0, renamed: 0, unchanged: 0 };
const NOTHING_CHANGED: VersionPlan = { files: [], removed: [] };
/** how often a chat looks whether something of a library can be asked already */
const INDEX_POLL_MS = 250;
const never = new AbortController().signal;
const ignore = (): void => undefined;

function rootsWith(existing: Library | null, paths: readonly string[]): readonly string[] {
  return [...new Set([...(existing?.roots ?? []), ...paths])];
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
function previewLibrary(request: AddRequest, existing: Library | null): Library {
  const read = request.read ?? existing?.read ?? 'auto';
  const roots = rootsWith(existing, request.paths);
  if (existing !== null) return { ...existing, roots, read };
  return { id: '' as LibraryId, name: request.name, roots, versionId: null, read, createdAt: '' };
}
