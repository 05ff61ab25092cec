/** The walk over files and folders: everything that is handed over appears, read or not, with bytes and reason. */
import { lstat, readdir, readlink, realpath, stat } from 'node:fs/promises';
import { lstatSync, type Dirent, type Stats } from 'node:fs';
import { basename, join, resolve } from 'node:path';

import { isArchiveName } from './archive/archive-file.ts';
import { scanArchive } from './archive/scan-archive.ts';
import { documentNamedArchive, formatOfFile, megabytes } from './content-format.ts';
import { IgnoreRules } from './ignore-rules.ts';
import { formatOf, skippedFile, skippedFolder } from './kinds.ts';
import { canBePieces, largestWhole } from './pieces.ts';
import { readError, reasonOf } from './read-error.ts';
import type { ScanEntry, ScanOptions } from './types.ts';

/** files of one folder that are looked at together */
const atOnce = 32;
/** how far the size of a skipped folder is added up; beyond, its bytes are a lower bound and the reason says so */
const maxCounted = 20_000;

interface Place {
  readonly path: string;
  readonly absolutePath: string;
}

/** @see Ingest.scan */
export async function* scan(roots: readonly string[], options: ScanOptions): AsyncGenerator<ScanEntry> {
  const names = new Set<string>();
  const seen = new Set<string>();
  for (const root of roots)
    for await (const entry of withArchives(scanRoot(resolve(root), names, options), options)) {
      // roots may overlap: a file that is handed over twice is one file
      if (seen.has(entry.absolutePath)) continue;
      seen.add(entry.absolutePath);
      yield entry;
    }
}

/** `fileEntry` passes archives on as text; each is replaced by its files */
async function* withArchives(
  entries: AsyncIterable<ScanEntry>,
  options: ScanOptions,
): AsyncGenerator<ScanEntry> {
  for await (const entry of entries)
    if (entry.outcome === null && entry.kind === 'text' && isArchiveName(entry.absolutePath))
      yield* scanArchive(entry, entry, options);
    else yield entry;
}

async function* scanRoot(root: string, names: Set<string>, options: ScanOptions): AsyncGenerator<ScanEntry> {
  const name = freeName(basename(root) === '' ? 'root' : basename(root), names);
  let real: string;
  let stats: Stats;
  try {
    real = await realpath(root);
    stats = await stat(real);
  } catch (error) {
    yield refused({ path: name, absolutePath: root }, error);
    return;
  }
  if (stats.isDirectory())
    yield* scanFolder({ path: name, absolutePath: real }, IgnoreRules.forRoot(real), options);
  else yield await fileEntry({ path: name, absolutePath: real }, stats, options, true);
}

/** two roots of the same name stay apart: 'src', 'src (2)' */
function freeName(name: string, names: Set<string>): string {
  let free = name;
  for (let count = 2; names.has(free); count++) free = `${name} (${String(count)})`;
  names.add(free);
  return free;
}

/** folders first, each in code-point order: equal on every machine */
async function* scanFolder(
  folder: Place,
  rules: IgnoreRules,
  options: ScanOptions,
): AsyncGenerator<ScanEntry> {
  options.signal?.throwIfAborted();
  let children: Dirent[];
  try {
    children = await readdir(folder.absolutePath, { withFileTypes: true });
  } catch (error) {
    yield refused({ path: `${folder.path}/`, absolutePath: folder.absolutePath }, error);
    return;
  }
  children.sort((a, b) => compareCodePoints(a.name, b.name));
  const siblings = new Set(children.map((child) => child.name));
  for (const child of children) {
    if (!child.isDirectory()) continue;
    const place = inside(folder, child.name);
    const reason = skippedFolder(child.name, siblings) ?? rules.reason(place.absolutePath, true);
    if (reason !== null) yield await skippedFolderEntry(place, reason, options);
    else yield* scanFolder(place, rules.descend(place.absolutePath), options);
  }
  const files = children.filter((child) => !child.isDirectory());
  for (let from = 0; from < files.length; from += atOnce) {
    options.signal?.throwIfAborted();
    yield* await Promise.all(
      files.slice(from, from + atOnce).map((child) => childEntry(inside(folder, child.name), rules, options)),
    );
  }
}

function inside(folder: Place, name: string): Place {
  return { path: `${folder.path}/${name}`, absolutePath: join(folder.absolutePath, name) };
}

/** code points, not UTF-16 code units: U+1F600 comes after U+FF01 */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    if (a.charCodeAt(at) === b.charCodeAt(at)) continue;
    return orderOf(a.charCodeAt(at)) - orderOf(b.charCodeAt(at));
  }
  return a.length - b.length;
}

/** surrogates stand for what lies above U+FFFF */
function orderOf(code: number): number {
  return code >= 0xd800 && code <= 0xdfff ? code + 0x10000 : code;
}

async function childEntry(place: Place, rules: IgnoreRules, options: ScanOptions): Promise<ScanEntry> {
  let stats: Stats;
  try {
    // synchronous, as in content-format.ts
    stats = lstatSync(place.absolutePath);
  } catch (error) {
    return refused(place, error);
  }
  if (stats.isSymbolicLink())
    return skipped(place, { size: 0, mtimeMs: stats.mtimeMs }, await linkReason(place));
  const reason = rules.reason(place.absolutePath, false) ?? skippedFile(basename(place.absolutePath));
  return reason === null ? fileEntry(place, stats, options, false) : skipped(place, stats, reason);
}

async function linkReason(place: Place): Promise<string> {
  const target = await readlink(place.absolutePath).catch(() => '?');
  return `link to ${target} (links are not followed)`;
}

/** @param chosen handed over by itself: then its name alone does not exclude it */
async function fileEntry(
  place: Place,
  stats: Stats,
  options: ScanOptions,
  chosen: boolean,
): Promise<ScanEntry> {
  if (!stats.isFile()) return skipped(place, stats, 'not a regular file (device, pipe or socket)');
  if (stats.size === 0) return skipped(place, stats, 'empty: there is nothing in it');
  if (stats.size > options.maxFileBytes) return skipped(place, stats, tooLarge(place, stats, options));
  if (isKnown(place, stats, options)) return readable(place, stats, null);
  try {
    if (isArchiveName(place.absolutePath))
      return readable(place, stats, documentNamedArchive(place.absolutePath) ?? 'text');
    const found = formatOfFile(place.absolutePath, stats.size, chosen);
    return typeof found === 'string' ? readable(place, stats, found) : skipped(place, stats, found.reason);
  } catch (error) {
    return refused(place, error, stats);
  }
}

/** A text can be as large as the settings allow; what is read whole has a limit of its own besides. */
function tooLarge({ absolutePath }: Place, { size }: Stats, { maxFileBytes }: ScanOptions): string {
  const limit = `larger than the limit of ${megabytes(maxFileBytes)} MB a file (${megabytes(size)} MB)`;
  const helps = size <= largestWhole || canBePieces(formatOf(absolutePath));
  return helps ? `${limit}; it can be raised in the settings` : limit;
}

/** The text is there already, under this very name: a file that lay elsewhere, or was chosen by itself, is looked at. */
function isKnown({ path, absolutePath }: Place, { size, mtimeMs }: Stats, { known }: ScanOptions): boolean {
  const file = known?.(absolutePath);
  return file !== undefined && file.path === path && file.bytes === size && file.mtimeMs === mtimeMs;
}

async function skippedFolderEntry(place: Place, reason: string, options: ScanOptions): Promise<ScanEntry> {
  const { bytes, files, complete } = await sizeOf(place.absolutePath, options);
  const count = `${complete ? '' : 'more than '}${String(files)} files`;
  return skipped({ ...place, path: `${place.path}/` }, { size: bytes, mtimeMs: 0 }, `${reason}: ${count}`);
}

async function sizeOf(
  folder: string,
  options: ScanOptions,
): Promise<{ bytes: number; files: number; complete: boolean }> {
  const folders = [folder];
  let [bytes, files] = [0, 0];
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    options.signal?.throwIfAborted();
    const current = next;
    const children = await readdir(current, { withFileTypes: true }).catch((): Dirent[] => []);
    for (const child of children) if (child.isDirectory()) folders.push(join(current, child.name));
    const found = children.filter((child) => child.isFile());
    const sizes = await Promise.all(
      found.map((child) =>
        lstat(join(current, child.name)).then(
          (stats) => stats.size,
          () => 0,
        ),
      ),
    );
    files += found.length;
    for (const size of sizes) bytes += size;
    if (files > maxCounted) return { bytes, files, complete: false };
  }
  return { bytes, files, complete: true };
}

function readable(place: Place, stats: Stats, kind: ScanEntry['kind']): ScanEntry {
  return { ...place, bytes: stats.size, mtimeMs: stats.mtimeMs, kind, outcome: null, reason: null };
}

function skipped(place: Place, stats: Pick<Stats, 'size' | 'mtimeMs'>, reason: string): ScanEntry {
  return { ...place, bytes: stats.size, mtimeMs: stats.mtimeMs, kind: null, outcome: 'skipped', reason };
}

function refused(place: Place, error: unknown, stats?: Stats): ScanEntry {
  return {
    ...place,
    bytes: stats?.size ?? 0,
    // of no time: once it can be opened it is another file, though its own time is as it was
    mtimeMs: 0,
    kind: null,
    outcome: 'refused',
    reason: reasonOf(readError(error, place.absolutePath)),
  };
}
