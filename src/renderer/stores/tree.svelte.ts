/** The documents of a library as rows: folders that open, pages that come when they are looked at. */
import type { LibraryEntry, LibraryFolder } from '../../shared/rpc/index.ts';
import { core } from './core.svelte.ts';

/** entries that are asked for at once */
const PAGE = 200;

/** A row that is there but was not fetched yet has no entry. */
export interface TreeRow {
  readonly entry: LibraryEntry | null;
  /** folder it stands in; '' = the top */
  readonly folder: string;
  /** place in its folder, from 0, and how many there are */
  readonly index: number;
  readonly siblings: number;
  readonly depth: number;
}

type Page = Pick<LibraryFolder, 'entries' | 'total'>;

interface FolderPages {
  readonly total: number;
  readonly pages: ReadonlyMap<number, Page>;
}

export class DocumentTree {
  readonly name: string;
  /** part of the path; '' = the tree */
  filter = $state('');
  expanded = $state.raw<ReadonlySet<string>>(new Set());
  /** what went wrong when a page was fetched */
  error = $state.raw<unknown>(null);
  loaded = $state(false);
  #folders = $state.raw<ReadonlyMap<string, FolderPages>>(new Map());
  readonly #asked = new Set<string>();
  /** answers to questions of an older state of the library are not for this one */
  #generation = 0;

  readonly rows = $derived.by(() => this.#rowsOf(this.#key(''), '', 0));

  constructor(name: string) {
    this.name = name;
    void this.#fetch('', 0);
  }

  /** The library changed: what is open stays open. */
  reload(): void {
    this.#generation += 1;
    this.#asked.clear();
    void this.#fetch('', 0);
    for (const folder of this.expanded) void this.#fetch(folder, 0);
  }

  setFilter(text: string): void {
    if (text === this.filter) return;
    this.filter = text;
    void this.#fetch('', 0);
  }

  toggle(folder: string, open = !this.expanded.has(folder)): void {
    const expanded = new Set(this.expanded);
    if (open) expanded.add(folder);
    else expanded.delete(folder);
    this.expanded = expanded;
    if (open) void this.#fetch(folder, 0);
  }

  /** Called for a row without an entry that came into view. */
  want(row: TreeRow): void {
    void this.#fetch(row.folder, Math.floor(row.index / PAGE));
  }

  /** Opens the folders that a document lies in. */
  reveal(path: string): void {
    const names = path.split('/').slice(0, -1);
    for (let depth = 1; depth <= names.length; depth++) {
      const folder = names.slice(0, depth).join('/');
      if (!this.expanded.has(folder)) this.toggle(folder, true);
    }
  }

  #key(folder: string): string {
    return this.filter === '' ? folder : `?${this.filter}`;
  }

  #rowsOf(key: string, folder: string, depth: number): TreeRow[] {
    const found = this.#folders.get(key);
    if (found === undefined) return [];
    const rows: TreeRow[] = [];
    for (let index = 0; index < found.total; index++) {
      const entry = found.pages.get(Math.floor(index / PAGE))?.entries[index % PAGE] ?? null;
      rows.push({ entry, folder, index, siblings: found.total, depth });
      if (entry?.kind !== 'folder' || !this.expanded.has(entry.path)) continue;
      for (const row of this.#rowsOf(entry.path, entry.path, depth + 1)) rows.push(row);
    }
    return rows;
  }

  async #fetch(folder: string, page: number): Promise<void> {
    const key = this.#key(folder);
    const request = `${key} ${page}`;
    if (this.#asked.has(request)) return;
    this.#asked.add(request);
    const generation = this.#generation;
    const filter = this.filter;
    try {
      const result = await core.client.call('library.folder', {
        name: this.name,
        folder,
        ...(filter === '' ? {} : { filter }),
        limit: PAGE,
        offset: page * PAGE,
      });
      if (generation !== this.#generation) return;
      const before = this.#folders.get(key);
      const pages = new Map(before?.total === result.total ? before.pages : []).set(page, result);
      this.#folders = new Map(this.#folders).set(key, { total: result.total, pages });
      this.error = null;
      // All there is lies in one folder, as after every drop of one: nobody wants to open that first.
      const [only] = result.entries;
      if (key === '' && (before?.total ?? 0) === 0 && result.total === 1 && only?.kind === 'folder')
        this.toggle(only.path, true);
    } catch (error) {
      this.#asked.delete(request);
      this.error = error;
    }
    if (folder === '') this.loaded = true;
  }
}
