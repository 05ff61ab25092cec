/**
 * What a new version of a library will be: the files found now, matched with the version before. Reading order is kept:
 * files that stay keep their places (changed ones too), renamed ones keep the place and the name under which they
 * were read, new ones append.
 */
import type { ContentHash, LibraryFile } from '../../shared/model/index.ts';
import type { ScanEntry } from '../ingest/index.ts';
import { contentHash } from '../ingest/index.ts';

export type Change = 'unchanged' | 'changed' | 'renamed' | 'added';

/** One file of the new version, before extraction. */
export interface PlannedFile {
  readonly entry: ScanEntry;
  readonly change: Change;
  /** this file in the version before: under the same path, or (renamed) with the same content */
  readonly before: LibraryFile | null;
  /** null: not hashed yet */
  readonly hash: ContentHash | null;
}

export interface VersionPlan {
  /** in reading order; skipped and refused files stand where the scan found them, among the new ones */
  readonly files: readonly PlannedFile[];
  readonly removed: readonly LibraryFile[];
}

export interface PlanOptions {
  /** false: equal size and modification time mean an equal file, which is then not opened */
  readonly verify: boolean;
  /** true: what could not be extracted before is tried once more; paths: of these files only */
  readonly retry?: boolean | readonly string[];
  /** SHA-256 of the bytes of a file, or of a file in an archive */
  readonly hash: (entry: ScanEntry) => Promise<ContentHash>;
  readonly onProgress?: (done: number, total: number, path: string) => void;
}

/**
 * Matches the files found with those of the version before. Hashed are only files whose size or time changed, and
 * new ones while others are missing (they may be those, renamed).
 */
export async function planVersion(
  found: readonly ScanEntry[],
  before: readonly LibraryFile[],
  options: PlanOptions,
): Promise<VersionPlan> {
  const oldByPath = new Map(before.map((file) => [file.absolutePath, file]));
  const foundPaths = new Set(found.map((entry) => entry.absolutePath));
  const missing = new Map<string, LibraryFile[]>();
  for (const file of before) {
    if (foundPaths.has(file.absolutePath) || file.hash === null) continue;
    missing.set(file.hash, [...(missing.get(file.hash) ?? []), file]);
  }
  const planned: PlannedFile[] = [];
  for (const [i, entry] of found.entries()) {
    options.onProgress?.(i, found.length, entry.path);
    planned.push(await planFile(entry, oldByPath.get(entry.absolutePath) ?? null, missing, options));
  }
  return { files: inReadingOrder(planned, before), removed: [...missing.values()].flat() };
}

async function planFile(
  entry: ScanEntry,
  old: LibraryFile | null,
  missing: Map<string, LibraryFile[]>,
  options: PlanOptions,
): Promise<PlannedFile> {
  if (entry.outcome !== null)
    return { entry, change: old === null ? 'added' : 'unchanged', before: old, hash: null };
  if (old !== null) {
    const isTried = typeof options.retry === 'object' ? options.retry.includes(entry.path) : options.retry;
    if (isTried === true && old.hash === null) return { entry, change: 'changed', before: old, hash: null };
    const sameStamp = old.bytes === entry.bytes && old.mtimeMs === entry.mtimeMs;
    // a chosen encoding may be another than before: the hash tells
    const isChosen = entry.encoding !== undefined;
    if (sameStamp && !options.verify && !isChosen && old.outcome !== 'skipped') {
      return { entry, change: 'unchanged', before: old, hash: old.hash };
    }
    const hash = await hashOf(entry, options);
    return { entry, change: hash !== null && hash === old.hash ? 'unchanged' : 'changed', before: old, hash };
  }
  if (missing.size === 0) return { entry, change: 'added', before: null, hash: null };
  const hash = await hashOf(entry, options);
  const gone = hash === null ? undefined : missing.get(hash);
  const renamed = gone?.shift();
  if (hash === null || renamed === undefined) return { entry, change: 'added', before: null, hash };
  if (gone?.length === 0) missing.delete(hash);
  return { entry, change: 'renamed', before: renamed, hash };
}

/** null: it can't be opened */
async function hashOf(entry: ScanEntry, options: PlanOptions): Promise<ContentHash | null> {
  const hash = await options.hash(entry).catch(() => null);
  return hash === null ? null : contentHash(hash, entry.encoding);
}

/** Old files in their old order, then new ones as the scan gave them. */
function inReadingOrder(planned: readonly PlannedFile[], before: readonly LibraryFile[]): PlannedFile[] {
  const place = new Map(before.map((file, i) => [file, i]));
  const placeOf = (file: PlannedFile): number =>
    file.before === null ? Infinity : (place.get(file.before) ?? Infinity);
  return planned
    .map((file, i) => ({ file, place: placeOf(file), i }))
    .sort((a, b) => (a.place === b.place ? a.i - b.i : a.place - b.place))
    .map(({ file }) => file);
}

/** How many files of each kind of change; `removed` are those that are not there any more. */
export function countChanges(plan: VersionPlan): Readonly<Record<Change | 'removed', number>> {
  const counts = { unchanged: 0, changed: 0, renamed: 0, added: 0, removed: plan.removed.length };
  for (const file of plan.files) counts[file.change] += 1;
  return counts;
}
