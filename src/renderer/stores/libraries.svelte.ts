/** The libraries, their maps, and what an update of each would bring. */
import type {
  AppEvent,
  ContextMap,
  LibraryPreview,
  LibrarySummary,
  MapDocument,
} from '../../shared/rpc/index.ts';
import { changedFiles } from '../lib/changed-files.ts';
import { core } from './core.svelte.ts';
import { ui } from './ui.svelte.ts';

/** ms for which a check for changed files counts: it walks the whole folder */
const CHECKED_FOR_MS = 5 * 60_000;

class Libraries {
  list = $state.raw<readonly LibrarySummary[]>([]);
  loaded = $state(false);
  maps = $state.raw<ReadonlyMap<string, ContextMap>>(new Map());
  /** what changed on disk since the library was last brought up to date; only where something did */
  changes = $state.raw<ReadonlyMap<string, LibraryPreview>>(new Map());
  /** what the core noticed by itself; its cost is known once the library is looked at */
  #noticed = $state.raw<ReadonlyMap<string, Noticed>>(new Map());
  readonly #checkedAt = new Map<string, number>();

  constructor() {
    core.whenReady(() => void this.load());
    core.listen((event) => {
      if (event.kind === 'changed') this.#notice(event);
      if (event.kind !== 'libraries') return;
      if (event.name === null) this.maps = new Map();
      else this.#forget(event.name);
      void this.load();
    });
  }

  byName(name: string): LibrarySummary | undefined {
    return this.list.find(({ library }) => library.name === name);
  }

  byId(id: string): LibrarySummary | undefined {
    return this.list.find(({ library }) => library.id === id);
  }

  async load(): Promise<void> {
    await ui.attempt(async () => {
      this.list = await core.client.call('library.list', {});
    });
    this.loaded = true;
    await Promise.all(
      this.list
        .filter(({ library }) => !this.maps.has(library.name))
        .map(({ library }) => this.loadMap(library.name)),
    );
  }

  /** A map is a picture: without one the rows and views still work, so its failure is not shown as one. */
  async loadMap(name: string): Promise<void> {
    const map = await core.client.call('library.map', { name }).catch(() => null);
    if (map !== null) this.maps = new Map(this.maps).set(name, map);
  }

  /** Documents of a stretch, as fine as they are drawn there. */
  async documentsIn(name: string, from: number, to: number): Promise<readonly MapDocument[]> {
    return (await core.client.call('library.map', { name, from, to })).documents;
  }

  /** @throws AppError 'conflict' when the name is taken */
  async rename(name: string, newName: string): Promise<void> {
    await core.client.call('library.change', { name, newName });
    if (ui.view.kind === 'library' && ui.view.name === name) ui.show({ ...ui.view, name: newName });
    this.#forget(name);
    await this.load();
  }

  async setRead(name: string, read: 'auto' | 'always' | 'never'): Promise<void> {
    await core.client.call('library.change', { name, read });
    await this.load();
  }

  async remove(name: string): Promise<void> {
    await core.client.call('library.remove', { name });
    if (ui.view.kind === 'library' && ui.view.name === name) ui.show({ kind: 'chat', id: null });
    this.#forget(name);
    await this.load();
  }

  /**
   * Looks whether files changed on disk, at most every five minutes unless told to.
   * @returns what an update would do; null: nothing was looked at
   */
  async check(name: string, now: number, force = false): Promise<LibraryPreview | null> {
    if (!force && now - (this.#checkedAt.get(name) ?? -Infinity) < CHECKED_FOR_MS) return null;
    this.#checkedAt.set(name, now);
    for await (const event of core.client.stream('library.update', { name, preview: true })) {
      if (event.kind !== 'preview') continue;
      this.#noticed = without(this.#noticed, name);
      const changes = new Map(this.changes);
      if (changedFiles(event.preview) > 0) changes.set(name, event.preview);
      else changes.delete(name);
      this.changes = changes;
      return event.preview;
    }
    return null;
  }

  /** The update is under way, or somebody does not want to hear of it now. */
  dropChanges(name: string): void {
    this.#noticed = without(this.#noticed, name);
    this.changes = without(this.changes, name);
  }

  /** Files that are others on disk than in the library, as far as that is known. */
  changedFiles({ library: { name, versionId } }: LibrarySummary): number {
    const noticed = this.#noticed.get(name);
    return changedFiles(this.changes.get(name) ?? (noticed?.versionId === versionId ? noticed : undefined));
  }

  /** Somebody is back: the core looks, gently, whether files changed meanwhile. */
  lookAround(): void {
    if (core.status === 'ready') void core.client.call('library.notice', {}).catch(() => undefined);
  }

  /** What is open is looked at again, with its cost; the others say it in their rows. */
  #notice(event: Noticed): void {
    this.#checkedAt.delete(event.name);
    this.#noticed = new Map(this.#noticed).set(event.name, event);
    const isOpen = ui.view.kind === 'library' && ui.view.name === event.name;
    if (isOpen) void this.check(event.name, performance.now()).catch(() => undefined);
    else if (changedFiles(event) === 0) this.changes = without(this.changes, event.name);
  }

  #forget(name: string): void {
    this.maps = without(this.maps, name);
  }
}

type Noticed = Extract<AppEvent, { kind: 'changed' }>;

/** the same map where the name is not in it: nothing is drawn again */
function without<T>(map: ReadonlyMap<string, T>, name: string): ReadonlyMap<string, T> {
  if (!map.has(name)) return map;
  const others = new Map(map);
  others.delete(name);
  return others;
}

export const libraries = new Libraries();
