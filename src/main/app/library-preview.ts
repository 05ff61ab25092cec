/** What adding or updating a library will do, said before it is done. */
import type { FileReport, LibraryPreview } from '../../shared/rpc/index.ts';
import type { ReadEstimate } from './library-reading.ts';
import type { PlannedFile, VersionPlan } from './version-plan.ts';
import { groupsOf } from './preview-groups.ts';
import { countChanges } from './version-plan.ts';

/** English prose and source code: about four bytes make a token. */
const BYTES_PER_TOKEN = 4;
/** Extraction, index and tokens together, on one core of a laptop; a guess until the run itself is measured. */
const BYTES_PER_SECOND = 1_000_000;
/** What a file costs however short it is: a worker, a hash, a transaction. 100,000 small files: 5 to 13 ms each. */
const SECONDS_PER_FILE = 0.006;
/** Text, its tokens (4 bytes each) and its index, beside the bytes of the files. */
const DISK_FACTOR = 3.5;

export function previewOf(library: string, plan: VersionPlan, read: ReadEstimate | null): LibraryPreview {
  const counts = countChanges(plan);
  const wanted = plan.files.filter((file) => file.entry.outcome === null);
  const toExtract = wanted.filter((file) => file.change === 'added' || file.change === 'changed');
  const bytesToExtract = sum(toExtract.map((file) => file.entry.bytes));
  const { removed, added, changed, renamed, unchanged } = counts;
  return {
    library,
    files: {
      total: plan.files.length,
      toExtract: toExtract.length,
      skipped: plan.files.length - wanted.length,
    },
    bytes: sum(wanted.map((file) => file.entry.bytes)),
    tokens: estimatedTokens(plan),
    added,
    changed,
    removed,
    renamed,
    unchanged,
    read,
    seconds: bytesToExtract / BYTES_PER_SECOND + toExtract.length * SECONDS_PER_FILE,
    diskBytes: Math.ceil(bytesToExtract * DISK_FACTOR),
    groups: groupsOf(wanted.map((file) => ({ path: file.entry.path, files: 1, tokens: tokensOf(file) }))),
    leftOut: leftOut(plan),
  };
}

/** Exact for what is in the store, estimated from bytes for the rest. */
export function estimatedTokens(plan: VersionPlan): number {
  return sum(plan.files.map(tokensOf));
}

function tokensOf({ entry, change, before }: PlannedFile): number {
  if (entry.outcome !== null) return 0;
  const known = change === 'unchanged' || change === 'renamed' ? before : null;
  return known === null ? Math.ceil(entry.bytes / BYTES_PER_TOKEN) : known.tokens;
}

function leftOut(plan: VersionPlan): FileReport[] {
  const reports: FileReport[] = [];
  for (const { entry } of plan.files) {
    if (entry.outcome === null) continue;
    reports.push({
      path: entry.path,
      outcome: entry.outcome,
      reason: entry.reason,
      bytes: entry.bytes,
      tokens: 0,
    });
  }
  return reports;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
