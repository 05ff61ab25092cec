import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';

import { AppError } from '../../shared/errors.ts';
import type { ContentHash, Passage } from '../../shared/model/index.ts';
import { readMember } from './archive/open-archive.ts';
import { ExtractPool } from './extract/pool.ts';
import { formatOfFile } from './content-format.ts';
import { makePassages } from './passages/index.ts';
import { isReadInPieces } from './pieces.ts';
import { readError } from './read-error.ts';
import { scan } from './scan.ts';
import type { ExtractedDocument, ExtractorVersion, FileFormat, Ingest } from './types.ts';

export { Archive, archiveLimits } from './zip.ts';
export { contentHash, hasEncoding } from './chosen-encoding.ts';
export { reasonOf, wasNotOpened } from './read-error.ts';
export type * from './types.ts';

/** Raised whenever the same file would give another text or other passages. */
export const extractorVersion: ExtractorVersion = 3;

export interface IngestOptions {
  /** tokens a passage, about; 300 unless told */
  readonly targetTokens?: number;
  /** worker threads; as many as half of the cores, at least 1 and at most 4, unless told */
  readonly workers?: number;
  /** MB of JavaScript heap a worker; 512 unless told */
  readonly heapMB?: number;
  /** ms a file, or a page of a long one; 30,000 unless told */
  readonly timeLimit?: number;
}

/** Scan, extraction in worker threads, passages. `close` ends the threads; work under way is 'interrupted'. */
export function createIngest(options: IngestOptions = {}): Ingest {
  const target = options.targetTokens ?? 300;
  const pool = new ExtractPool({
    workers: options.workers ?? Math.min(4, Math.max(1, Math.floor(availableParallelism() / 2))),
    heapMB: options.heapMB ?? 512,
    timeLimit: options.timeLimit ?? 30_000,
    targetTokens: target,
  });
  /** made in the worker together with the text: cutting a large file here would stop everything else */
  const made = new WeakMap<ExtractedDocument, readonly Passage[]>();
  return {
    scan,
    extract: async (entry, signal, onPiece) => {
      if (entry.outcome !== null)
        throw new AppError('usage', `${entry.path} was ${entry.outcome}: ${entry.reason ?? ''}`);
      const { absolutePath, bytes, member = null, encoding = null } = entry;
      const kind = entry.kind ?? unopenedFormat(absolutePath, bytes);
      const { document, passages } = await pool.extract(
        { absolutePath, kind, member, encoding, bytes },
        signal,
        onPiece !== undefined && isReadInPieces({ ...entry, kind }) ? onPiece : undefined,
      );
      made.set(document, passages);
      return document;
    },
    hashMember: async (member) =>
      createHash('sha256')
        .update(await readMember(member))
        .digest('hex') as ContentHash,
    passages: (document) => made.get(document) ?? makePassages(document, target),
    close: () => pool.close(),
  };
}

/** The format of a file that the scan took for known. @throws AppError 'invalid-input', 'not-found', 'busy' */
function unopenedFormat(path: string, bytes: number): FileFormat {
  let found: ReturnType<typeof formatOfFile>;
  try {
    // it was read before: whether it was chosen by itself has been decided
    found = formatOfFile(path, bytes, true);
  } catch (error) {
    throw readError(error, path);
  }
  if (typeof found === 'string') return found;
  throw new AppError(
    'invalid-input',
    `It is another file than before: ${found.reason}.`,
    'Update the library.',
  );
}
