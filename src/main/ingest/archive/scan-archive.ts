/** The files of an archive as entries of a scan: `books.zip/novel.epub`. Archives in archives stay closed. */
import { AppError } from '../../../shared/errors.ts';
import { headBytes } from '../binary.ts';
import { formatByContent, notText } from '../content-format.ts';
import { holdsPrivateKey, skippedFile, skippedFolder } from '../kinds.ts';
import type { ScanEntry, ScanOptions } from '../types.ts';
import { isArchiveName, type ArchivedFile } from './archive-file.ts';
import { reasonOf } from '../read-error.ts';
import { refusedName } from './entry-name.ts';
import { openArchive } from './open-archive.ts';

interface Place {
  readonly path: string;
  readonly absolutePath: string;
}

interface Outcome {
  readonly kind?: ScanEntry['kind'];
  readonly outcome?: ScanEntry['outcome'];
  readonly reason: string | null;
}

const noNames: ReadonlySet<string> = new Set();

/** A damaged archive ends with an entry of its own that says so; what came before it stays. */
export async function* scanArchive(
  place: Place,
  { bytes, mtimeMs }: { readonly bytes: number; readonly mtimeMs: number },
  options: ScanOptions,
): AsyncGenerator<ScanEntry> {
  const left = new Map<string, { bytes: number; files: number; reason: string }>();
  const seen = new Set<string>();
  const whole = (size: number, outcome: Outcome): ScanEntry => ({
    ...place,
    bytes: size,
    mtimeMs,
    kind: null,
    outcome: 'skipped',
    ...outcome,
  });
  let found = 0;
  try {
    const archive = await openArchive(place.absolutePath);
    try {
      for await (const file of archive.files()) {
        options.signal?.throwIfAborted();
        if (file.type === 'folder') continue;
        found++;
        const folder = leftOutFolder(file.name);
        if (folder !== null) {
          const sum = left.get(folder.path) ?? { bytes: 0, files: 0, reason: folder.reason };
          left.set(folder.path, { ...sum, bytes: sum.bytes + file.bytes, files: sum.files + 1 });
          continue;
        }
        const outcome = seen.has(file.name)
          ? { reason: 'the archive holds a file of this name before it' }
          : await outcomeOf(file, options).catch((error: unknown) => ({
              outcome: 'refused' as const,
              reason: words(error),
            }));
        seen.add(file.name);
        yield memberEntry(place, file, mtimeMs, outcome);
      }
    } finally {
      await archive.close();
    }
    if (found === 0) yield whole(bytes, { reason: 'an empty archive: there is nothing in it' });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    yield whole(found === 0 ? bytes : 0, { outcome: 'refused', reason: words(error) });
  }
  for (const [path, { reason, files, bytes: size }] of left)
    yield {
      ...whole(size, { reason: `${reason}: ${String(files)} files` }),
      path: `${place.path}/${shownName(path)}/`,
      absolutePath: `${place.absolutePath}/${shownName(path)}`,
    };
}

function memberEntry(place: Place, file: ArchivedFile, mtimeMs: number, outcome: Outcome): ScanEntry {
  const shown = shownName(file.name);
  return {
    path: `${place.path}/${shown}`,
    absolutePath: `${place.absolutePath}/${shown}`,
    member: { archive: place.absolutePath, name: file.name },
    bytes: file.bytes,
    mtimeMs,
    kind: outcome.kind ?? null,
    outcome: outcome.outcome ?? (outcome.kind === undefined ? 'skipped' : null),
    reason: outcome.reason,
  };
}

/** What can't be shown as it is, or would lead elsewhere, is shown as an escape. */
function shownName(name: string): string {
  const escaped = (text: string): string =>
    [...text].map((character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
  return name
    .slice(0, 300)
    .replace(/^(\.\/)+/, '')
    .replace(/[\0-\x1f\x7f\u202a-\u202e\u2066-\u2069]/g, escaped)
    .replace(/(?<=^|[/\\])\.\.(?=[/\\]|$)/g, escaped);
}

async function outcomeOf(file: ArchivedFile, options: ScanOptions): Promise<Outcome> {
  const reason = leftOut(file, options);
  if (reason !== null) return { reason };
  const head = await file.head(headBytes);
  if (holdsPrivateKey(head)) return { reason: 'holds a private key' };
  const kind = formatByContent(file.name, head);
  return kind === null ? { reason: notText(file.name, head) } : { kind, reason: null };
}

/** what its name and its numbers say */
function leftOut(file: ArchivedFile, { maxFileBytes }: ScanOptions): string | null {
  const refused = refusedName(file.name);
  if (refused !== null) return refused;
  if (file.type === 'link') return 'a link (links are not followed)';
  if (file.type === 'other') return 'not a regular file';
  if (file.encrypted) return 'encrypted with a password';
  if (file.bytes === 0) return 'empty: there is nothing in it';
  if (file.bytes > maxFileBytes)
    return `larger than the limit of ${String(Math.round(maxFileBytes / 2 ** 20))} MB a file`;
  if (isArchiveName(file.name))
    return 'an archive inside an archive is not opened (unpack the outer one to read it)';
  return skippedFile(file.name.slice(file.name.lastIndexOf('/') + 1));
}

/** the outermost folder of a path that a scan leaves out */
function leftOutFolder(name: string): { path: string; reason: string } | null {
  const parts = name.split('/').slice(0, -1);
  for (const [index, part] of parts.entries()) {
    const reason = skippedFolder(part, noNames);
    if (reason !== null) return { path: parts.slice(0, index + 1).join('/'), reason };
  }
  return null;
}

function words(error: unknown): string {
  if (error instanceof AppError) return reasonOf(error);
  return error instanceof Error ? error.message : String(error);
}
