/**
 * A library version as the views see it: a tree of folders with counts, and the documents in reading order by the
 * tokens at which they begin. Built once per version (a finished version never changes) and kept for the ones used
 * last: pages of it are then independent of the library's size.
 */
import type { FileOutcome, VersionId } from '../../shared/model/index.ts';
import type { LibraryEntry, LibraryFolder } from '../../shared/rpc/index.ts';
import type { Db } from './database.ts';
import { decodeOptional, decodeText } from './text.ts';
import type { FolderQuery, OutlineUnit, VersionTotals } from './views.ts';

/** outlines in memory; one of 100,000 files takes about 30 MB */
const keptOutlines = 2;

/** A file as the outline keeps it; what a page shows beside it is read when the page is. */
interface Entry {
  readonly path: string;
  readonly ordinal: number;
  readonly outcome: FileOutcome;
  readonly bytes: number;
  readonly tokens: number;
  /** tokens of all documents before it */
  readonly at: number;
  /** first token of its document; null: nothing was extracted */
  readonly start: number | null;
  /** false: a copy of a document that stands elsewhere in the order, or no document */
  readonly first: boolean;
}

interface Folder {
  readonly path: string;
  readonly folders: Folder[];
  readonly entries: Entry[];
  sorted: boolean;
  files: number;
  tokens: number;
  start: number | null;
  readonly counts: Record<FileOutcome, number>;
}

interface Outline {
  readonly version: VersionId;
  readonly root: Folder;
  readonly folders: ReadonlyMap<string, Folder>;
  readonly entries: readonly Entry[];
  /** of all documents, each once */
  readonly tokens: number;
}

interface OutlineRow {
  ordinal: number;
  path: string | Buffer;
  outcome: FileOutcome;
  bytes: number;
  tokens: number;
  content_id: number | null;
}

interface TotalsRow {
  files: number;
  bytes: number | null;
  documents: number | null;
  tokens: number | null;
}

export class VersionOutlines {
  readonly #db: Db;
  /** used last comes last */
  #outlines: readonly Outline[] = [];
  readonly #totals = new Map<VersionId, VersionTotals>();

  constructor(db: Db) {
    this.#db = db;
  }

  /** Counts of a whole version, without building its outline. */
  totals(version: VersionId): VersionTotals {
    const known = this.#totals.get(version);
    if (known !== undefined) return known;
    const row = this.#db
      .prepare<[string, string], TotalsRow>(
        `SELECT count(*) AS files, sum(bytes) AS bytes, d.documents, d.tokens FROM version_files f,
           (SELECT count(*) AS documents, sum(tokens) AS tokens FROM
             (SELECT max(tokens) AS tokens FROM version_files
              WHERE version_id = ? AND content_id IS NOT NULL GROUP BY content_id)) d
         WHERE f.version_id = ?`,
      )
      .get(version, version);
    const totals = {
      files: row?.files ?? 0,
      bytes: row?.bytes ?? 0,
      documents: row?.documents ?? 0,
      tokens: row?.tokens ?? 0,
    };
    // An unfinished version still grows.
    if (this.#isCommitted(version)) this.#totals.set(version, totals);
    return totals;
  }

  /** What lies directly in a folder, folders first; with a filter all files below it whose path contains it. */
  folder(version: VersionId, query: FolderQuery): LibraryFolder {
    const outline = this.#outline(version);
    const folder = outline.folders.get(query.folder);
    if (folder === undefined) return { folder: query.folder, total: 0, entries: [] };
    const { offset, limit } = query;
    const details = this.#details(version);
    if (query.filter !== undefined && query.filter !== '') {
      const found = matching(outline, folder, query.filter);
      const entries = found.slice(offset, offset + limit).map((entry) => fileEntry(entry, details(entry)));
      return { folder: folder.path, total: found.length, entries };
    }
    sort(folder);
    const folders = folder.folders.slice(offset, offset + limit).map(folderEntry);
    const from = Math.max(0, offset - folder.folders.length);
    const files = folder.entries
      .slice(from, from + limit - folders.length)
      .map((entry) => fileEntry(entry, details(entry)));
    const total = folder.folders.length + folder.entries.length;
    return { folder: folder.path, total, entries: [...folders, ...files] };
  }

  /**
   * Documents in reading order that overlap [from, to), and files that could not be read, by where they would
   * stand. More than `limit`: folders instead, the deepest ones that are few enough; neighbours only are joined.
   */
  units(version: VersionId, range: { from: number; to: number }, limit: number): readonly OutlineUnit[] {
    const { entries } = this.#outline(version);
    const shown = entries.filter((entry) =>
      entry.first
        ? entry.at < range.to && entry.at + entry.tokens > range.from
        : entry.outcome === 'refused' && entry.at >= range.from && entry.at <= range.to,
    );
    return shown.length <= limit ? shown.map(unitOf) : joined(shown, limit);
  }

  #outline(version: VersionId): Outline {
    const known = this.#outlines.find((one) => one.version === version);
    const outline = known ?? this.#build(version);
    const others = this.#outlines.filter((one) => one !== outline);
    if (known !== undefined || this.#isCommitted(version))
      this.#outlines = [...others.slice(1 - keptOutlines), outline];
    return outline;
  }

  #build(version: VersionId): Outline {
    const rows = this.#db
      .prepare<[string], OutlineRow>(
        `SELECT ordinal, path, outcome, bytes, tokens, content_id FROM version_files
         WHERE version_id = ? ORDER BY ordinal`,
      )
      .iterate(version);
    const starts = new Map<number, number>();
    const entries: Entry[] = [];
    let at = 0;
    for (const { content_id: content, path, ordinal, outcome, bytes, tokens } of rows) {
      const first = content !== null && !starts.has(content);
      if (first) starts.set(content, at);
      const start = content === null ? null : (starts.get(content) ?? null);
      entries.push({ path: decodeText(path), ordinal, outcome, bytes, tokens, at, start, first });
      if (first) at += tokens;
    }
    return { version, ...treeOf(entries), entries, tokens: at };
  }

  /** why it has its outcome, and under which path it was read */
  #details(version: VersionId): (entry: Entry) => { reason: string | null; readAs: string } {
    const find = this.#db.prepare<
      [string, number],
      { reason: string | Buffer | null; read_as: string | Buffer }
    >('SELECT reason, read_as FROM version_files WHERE version_id = ? AND ordinal = ?');
    return (entry) => {
      const row = find.get(version, entry.ordinal);
      return { reason: decodeOptional(row?.reason ?? null), readAs: decodeText(row?.read_as ?? entry.path) };
    };
  }

  #isCommitted(version: VersionId): boolean {
    return this.#db.prepare('SELECT committed FROM versions WHERE id = ?').pluck().get(version) === 1;
  }
}

// ---- the tree ----

function treeOf(entries: readonly Entry[]): { root: Folder; folders: ReadonlyMap<string, Folder> } {
  const root = emptyFolder('');
  const folders = new Map([['', root]]);
  const folderAt = (path: string): Folder => {
    const known = folders.get(path);
    if (known !== undefined) return known;
    const folder = emptyFolder(path);
    folders.set(path, folder);
    folderAt(parentOf(path)).folders.push(folder);
    return folder;
  };
  for (const entry of entries) {
    // a skipped folder is listed as one entry whose path ends in '/'
    const path = entry.path.endsWith('/') ? entry.path.slice(0, -1) : entry.path;
    const parent = parentOf(path);
    folderAt(parent).entries.push(entry);
    for (let above = parent; ; above = parentOf(above)) {
      count(folderAt(above), entry);
      if (above === '') break;
    }
  }
  return { root, folders };
}

function emptyFolder(path: string): Folder {
  const counts = { read: 0, partly: 0, refused: 0, skipped: 0 };
  return { path, folders: [], entries: [], sorted: false, files: 0, tokens: 0, start: null, counts };
}

function count(folder: Folder, entry: Entry): void {
  folder.files += 1;
  folder.counts[entry.outcome] += 1;
  // a copy counts where it was read: the folders of a level add up to the library
  if (entry.first) folder.tokens += entry.tokens;
  if (entry.start !== null) folder.start = Math.min(folder.start ?? Infinity, entry.start);
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function sort(folder: Folder): void {
  if (folder.sorted) return;
  folder.folders.sort((a, b) => (a.path < b.path ? -1 : 1));
  folder.entries.sort((a, b) => (a.path < b.path ? -1 : 1));
  folder.sorted = true;
}

function matching(outline: Outline, folder: Folder, filter: string): readonly Entry[] {
  const wanted = filter.toLowerCase();
  const below = folder.path === '' ? '' : `${folder.path}/`;
  return outline.entries.filter(
    ({ path }) => path.startsWith(below) && path.toLowerCase().includes(wanted, below.length),
  );
}

function folderEntry({ path, files, tokens, counts, start }: Folder): LibraryEntry {
  return { kind: 'folder', path, files, tokens, counts: { ...counts }, start };
}

function fileEntry(entry: Entry, details: { reason: string | null; readAs: string }): LibraryEntry {
  const { path, outcome, bytes, tokens, start } = entry;
  return { kind: 'file', path, outcome, bytes, tokens, start, ...details };
}

// ---- the order ----

function unitOf({ path, at, tokens, outcome, first }: Entry): OutlineUnit {
  return { path, start: at, tokens: first ? tokens : 0, failed: !first, partly: outcome === 'partly' };
}

/** Neighbours with the same folder at the deepest level at which there are at most `limit` of them. */
function joined(entries: readonly Entry[], limit: number): readonly OutlineUnit[] {
  const folders = entries.map(({ path }) => path.split('/').slice(0, -1));
  const shared = folders.map((folder, i) => (i === 0 ? 0 : sharedLevels(folders[i - 1] ?? [], folder)));
  const level = levelFor(shared, limit);
  const units: OutlineUnit[] = [];
  let from = 0;
  for (let i = 1; i <= entries.length; i++) {
    if (i < entries.length && (shared[i] ?? 0) >= level) continue;
    const common = shared.slice(from + 1, i).reduce((least, levels) => Math.min(least, levels), Infinity);
    units.push(unionOf(entries.slice(from, i), folders[from]?.slice(0, common).join('/') ?? ''));
    from = i;
  }
  return units;
}

/** how many folder names two paths begin with in common; Infinity = the very same folder */
function sharedLevels(a: readonly string[], b: readonly string[]): number {
  let level = 0;
  while (level < a.length && level < b.length && a[level] === b[level]) level++;
  return level === a.length && level === b.length ? Infinity : level;
}

/** The largest level at which fewer than `limit` neighbours part; at level 0 all are one. */
function levelFor(shared: readonly number[], limit: number): number {
  const parting = shared.slice(1).filter((level) => level !== Infinity);
  parting.sort((a, b) => a - b);
  // units = 1 + the neighbours that share fewer levels: with the level of the limit-th, limit - 1 at most do
  const level = parting[limit - 1];
  return level ?? (parting.at(-1) ?? 0) + 1;
}

function unionOf(entries: readonly Entry[], folder: string): OutlineUnit {
  const [first] = entries;
  if (first === undefined) return { path: folder, start: 0, tokens: 0, failed: false, partly: false };
  if (entries.length === 1) return unitOf(first);
  const units = entries.map(unitOf);
  return {
    path: folder,
    start: first.at,
    tokens: units.reduce((sum, unit) => sum + unit.tokens, 0),
    failed: units.every((unit) => unit.failed),
    partly: units.some((unit) => unit.partly),
  };
}
