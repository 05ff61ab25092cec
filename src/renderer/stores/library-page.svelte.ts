/** What is open on a library's page: its tree, the document, the hits of a search. */
import type { MapMark } from '../components/map/mark-shapes.ts';
import type { ContextMap, DocumentHit, JobStatus } from '../../shared/rpc/index.ts';
import { core } from './core.svelte.ts';
import { readBy } from './jobs.svelte.ts';
import { libraries } from './libraries.svelte.ts';
import { DocumentTree } from './tree.svelte.ts';
import { ui } from './ui.svelte.ts';

/** three screens of hits: each costs the text of its document */
const HITS_PAGE = 50;
/** hits that are marked on the map, beside the open one: more would be a blot */
const MOST_MARKS = 9;

interface Stretch {
  readonly start: number;
  readonly end: number;
}

export class LibraryPage {
  readonly name: string;
  readonly tree: DocumentTree;
  path = $state<string | null>(null);
  mark = $state.raw<Stretch | null>(null);
  /** without a mark: how far into the document to go, 0 to 1 */
  share = $state<number | null>(null);
  query = $state('');
  hits = $state.raw<readonly DocumentHit[]>([]);
  moreHits = $state(false);
  searching = $state(false);
  openHit = $state<number | null>(null);
  stateBytes = $state<number | null>(null);
  /** where each hit stands in the library, in tokens; null = not known */
  #positions = $state.raw<ReadonlyMap<DocumentHit, number>>(new Map());

  readonly marks = $derived.by((): readonly MapMark[] =>
    this.hits.flatMap((hit, i): MapMark[] => {
      const at = this.#positions.get(hit);
      const shown = i < MOST_MARKS || i === this.openHit;
      return at === undefined || !shown ? [] : [{ at, number: i + 1, kind: 'quoted' }];
    }),
  );

  constructor(name: string) {
    this.name = name;
    this.tree = new DocumentTree(name);
    void this.#loadState();
  }

  /** Tokens that a state holds: what the map says, or the job that is reading right now. */
  readTokens(map: ContextMap | undefined, job: JobStatus | undefined): number {
    return Math.max(map?.read ?? 0, job?.state === 'running' || job?.state === 'paused' ? readBy(job) : 0);
  }

  open(path: string, mark: Stretch | null, share: number | null): void {
    this.path = path;
    this.mark = mark;
    this.share = share;
    if (mark === null) this.openHit = null;
    this.tree.reveal(path);
  }

  close(): void {
    this.path = null;
    this.mark = null;
    this.openHit = null;
  }

  /** The document at a token of the library, at that place: the share of its tokens is the share of its text. */
  async openAt(token: number): Promise<void> {
    const [document] = await libraries.documentsIn(this.name, token, token + 1);
    if (document === undefined) return;
    this.open(document.path, null, (token - document.start) / Math.max(1, document.tokens));
  }

  async search(query: string): Promise<void> {
    if (query === this.query) return;
    this.query = query;
    this.hits = [];
    this.#positions = new Map();
    this.moreHits = false;
    this.openHit = null;
    if (query !== '') await this.#searchFrom(0);
  }

  async searchMore(): Promise<void> {
    if (!this.searching && this.moreHits) await this.#searchFrom(this.hits.length);
  }

  openHitAt(index: number): void {
    const hit = this.hits[index];
    if (hit === undefined) return;
    this.openHit = index;
    this.open(hit.path, { start: hit.start, end: hit.end }, null);
    if (!this.#positions.has(hit)) void this.#place([hit]);
  }

  stepHit(by: 1 | -1): void {
    if (this.openHit !== null && this.hits.length > 0)
      this.openHitAt((this.openHit + by + this.hits.length) % this.hits.length);
  }

  /** The library changed. */
  reload(): void {
    this.tree.reload();
    void this.#loadState();
  }

  async #searchFrom(offset: number): Promise<void> {
    const { query } = this;
    this.searching = true;
    await ui.attempt(async () => {
      const args = { name: this.name, query, limit: HITS_PAGE, offset };
      const found = await core.client.call('library.search', args);
      if (query !== this.query) return;
      this.hits = [...this.hits.slice(0, offset), ...found];
      this.moreHits = found.length === HITS_PAGE;
      if (offset === 0) void this.#place(this.hits.slice(0, MOST_MARKS));
    });
    if (query === this.query) this.searching = false;
  }

  /** Start of the document plus the share of its characters: an estimate, good to a line or two. */
  async #place(hits: readonly DocumentHit[]): Promise<void> {
    const paths = [...new Set(hits.map(({ path }) => path))];
    const documents = new Map(
      await Promise.all(paths.map(async (path) => [path, await this.#documentAt(path)] as const)),
    );
    const positions = new Map(this.#positions);
    for (const hit of hits) {
      const document = documents.get(hit.path);
      if (document === undefined || document === null) continue;
      positions.set(hit, document.start + (document.tokens * hit.start) / Math.max(1, document.length));
    }
    this.#positions = positions;
  }

  async #documentAt(path: string): Promise<{ start: number; tokens: number; length: number } | null> {
    const { client } = core;
    const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
    const [list, slice] = await Promise.all([
      client.call('library.folder', { name: this.name, folder, filter: path, limit: 20 }).catch(() => null),
      client.call('library.document', { name: this.name, path, length: 1 }).catch(() => null),
    ]);
    const entry = list?.entries.find((one) => one.kind === 'file' && one.path === path);
    if (slice === null || entry === undefined || entry.start === null) return null;
    return { start: entry.start, tokens: entry.tokens, length: slice.length };
  }

  async #loadState(): Promise<void> {
    const state = await core.client.call('state.info', { name: this.name }).catch(() => null);
    this.stateBytes = state === null || state.tokens === 0 ? null : state.bytes;
  }
}
