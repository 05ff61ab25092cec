import type { LibraryPreview } from '../../shared/rpc/index.ts';

type Counts = Pick<LibraryPreview, 'added' | 'changed' | 'removed' | 'renamed'>;

/** How many files an update would bring, take or change. */
export function changedFiles(counts: Counts | undefined): number {
  return counts === undefined ? 0 : counts.added + counts.changed + counts.removed + counts.renamed;
}
