/** What stands at the right of a library's row: a state where there is one, else nothing (its size is shown). */
import type { JobStatus, LibraryPreview, LibrarySummary } from '../../../shared/rpc/index.ts';
import { formatNumber, formatPercent } from '../../lib/format.ts';
import { m } from '../../paraglide/messages.js';
import { readBy, shareOf } from '../../stores/jobs.svelte.ts';
import { jobText } from './job-text.ts';

export interface RowState {
  /** null: the size is shown */
  readonly text: string | null;
  readonly hint: string | null;
  readonly tone: 'plain' | 'now' | 'note' | 'bad';
  /** tokens in the state, as the job says */
  readonly read: number;
}

export function rowState(
  item: LibrarySummary,
  job: JobStatus | undefined,
  changes: LibraryPreview | undefined,
): RowState {
  if (job !== undefined) {
    const share = shareOf(job);
    const busy = job.state === 'running' && share !== null;
    const text = busy ? formatPercent(share) : jobText(job);
    return { text, hint: jobText(job), tone: job.state === 'running' ? 'now' : 'plain', read: readBy(job) };
  }
  const changed =
    changes === undefined ? 0 : changes.added + changes.changed + changes.removed + changes.renamed;
  if (changed > 0)
    return {
      text: m.library_changed_short({ count: changed, shown: formatNumber(changed) }),
      hint: null,
      tone: 'note',
      read: 0,
    };
  if (item.status === 'empty') return { text: m.library_empty_short(), hint: null, tone: 'plain', read: 0 };
  return { text: null, hint: null, tone: 'plain', read: 0 };
}
