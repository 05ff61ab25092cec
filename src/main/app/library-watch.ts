/**
 * Notices that files of a library changed on disk, without a click: a gentle rescan by size and time when somebody comes
 * back to the app, and now and then while it is open (docs/decisions/0011). What changed is told by 'app.events'.
 */
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Library, LibraryId } from '../../shared/model/index.ts';
import type { AppEvent } from '../../shared/rpc/index.ts';
import type { Ingest, ScanEntry } from '../ingest/index.ts';
import type { Store } from '../store/index.ts';
import type { Emit } from './event-stream.ts';
import type { BuildConfig } from './library-build.ts';
import { filesBefore, planBuild } from './library-build.ts';
import { rememberChange } from './library-changes.ts';
import { ATTACHED } from './library-summaries.ts';
import type { VersionPlan } from './version-plan.ts';
import { countChanges } from './version-plan.ts';

export interface WatchConfig {
  readonly store: Store;
  readonly build: BuildConfig;
  readonly emit: Emit<AppEvent>;
  /** true: nobody looks, or something is being done that must not be disturbed */
  readonly isUnwanted: () => boolean;
  /** ms; performance.now() unless told */
  readonly now?: () => number;
}

type Changed = Extract<AppEvent, { kind: 'changed' }>;

interface Known {
  /** ms of `now`: not to be looked at again before */
  readonly notBefore: number;
  /** null: nothing was to be told yet */
  readonly told: Changed | null;
}

/** ms between two looks at everything while the app is open */
const AGAIN_MS = 10 * 60_000;
/** A library is looked at again after this time (ms) at the earliest, and after so many times what a look has cost. */
const LEAST_REST_MS = 60_000;
const REST_FACTOR = 50;
/** After so many files a look rests as long as it has worked: at most half of one core. */
const FILES_PER_BREATH = 250;

export class LibraryWatch {
  readonly #config: WatchConfig;
  readonly #now: () => number;
  readonly #known = new Map<LibraryId, Known>();
  readonly #stop = new AbortController();
  #looking: Promise<void> | null = null;
  readonly #timer: NodeJS.Timeout;

  constructor(config: WatchConfig) {
    this.#config = config;
    this.#now = config.now ?? (() => performance.now());
    this.#timer = setInterval(() => void this.look(), AGAIN_MS).unref();
  }

  /** Looks at all libraries whose turn it is, one after the other. Never fails: the next look tries again. */
  look(): Promise<void> {
    this.#looking ??= this.#lookAtAll()
      .catch(() => undefined)
      .finally(() => (this.#looking = null));
    return this.#looking;
  }

  /** what was told last of each library, for those who did not listen then */
  told(): readonly Changed[] {
    return [...this.#known.values()].flatMap(({ told }) => (told !== null && isChange(told) ? [told] : []));
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#stop.abort();
    await this.#looking;
  }

  async #lookAtAll(): Promise<void> {
    for (const library of await this.#config.store.libraries()) {
      if (this.#isOver()) return;
      if (library.versionId === null || library.name.startsWith(ATTACHED)) continue;
      const known = this.#known.get(library.id);
      const started = this.#now();
      if (known !== undefined && started < known.notBefore) continue;
      const told = await this.#lookAt(library, known?.told ?? null).catch(() => known?.told ?? null);
      // broken off: its turn comes with the next look
      if (this.#isOver()) return;
      const rest = Math.max(LEAST_REST_MS, REST_FACTOR * (this.#now() - started));
      this.#known.set(library.id, { notBefore: this.#now() + rest, told });
    }
  }

  /** @returns what is told of the library now */
  async #lookAt(library: Library, told: Changed | null): Promise<Changed | null> {
    const { store, build, emit } = this.#config;
    const before = await filesBefore(store, library);
    const paced = { ...build, ingest: this.#restful(build.ingest), maxFileBytes: build.maxFileBytes };
    const plan = await planBuild(paced, library, before, {}, () => undefined, this.#stop.signal);
    const found = changesOf(library, plan);
    // updated meanwhile: what was seen is of the version before
    const now = await store.libraryById(library.id);
    if (found === null || now?.versionId !== library.versionId || this.#isOver()) return told;
    if (isSame(found, told) || (told?.versionId !== found.versionId && !isChange(found))) return told;
    await rememberChange(store, library, plan);
    emit(found);
    return found;
  }

  #isOver(): boolean {
    return this.#stop.signal.aborted || this.#config.isUnwanted();
  }

  /** The same files, with pauses: others come in between, and what begins meanwhile ends the look. */
  #restful(ingest: Ingest): Ingest {
    const isOver = (): boolean => this.#isOver();
    async function* scan(...[roots, options]: Parameters<Ingest['scan']>): AsyncGenerator<ScanEntry> {
      let files = 0;
      let since = performance.now();
      for await (const entry of ingest.scan(roots, options)) {
        yield entry;
        if (++files % FILES_PER_BREATH > 0) continue;
        await sleep(performance.now() - since, undefined, options.signal && { signal: options.signal });
        if (isOver()) throw new Error('The look at changed files is broken off.');
        since = performance.now();
      }
    }
    return { ...ingest, scan };
  }
}

/** null: a root is not there (a drive that is not plugged in, a network that is down): its files are not 'removed' */
function changesOf({ name, versionId, roots }: Library, plan: VersionPlan): Changed | null {
  const places = new Set(roots.map((root) => resolve(root)));
  const isMissing = plan.files.some(
    ({ entry }) => entry.outcome === 'refused' && places.has(entry.absolutePath),
  );
  if (versionId === null || (isMissing && plan.removed.length > 0)) return null;
  const { changed, renamed, removed } = countChanges(plan);
  const added = plan.files.filter(({ change, entry }) => change === 'added' && entry.outcome === null).length;
  return { kind: 'changed', name, versionId, added, changed, renamed, removed };
}

function isChange({ added, changed, renamed, removed }: Changed): boolean {
  return added + changed + renamed + removed > 0;
}

function isSame(a: Changed, b: Changed | null): boolean {
  const fields = ['versionId', 'added', 'changed', 'renamed', 'removed'] as const;
  return b !== null && fields.every((field) => a[field] === b[field]);
}
