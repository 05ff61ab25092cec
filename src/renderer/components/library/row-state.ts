/** What stands at the right of a library's row: a state where there is one, else nothing (its size is shown). */
import type { JobStatus, LibrarySummary } from '../../../shared/rpc/index.ts';
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
  /** files that are others on disk */
  changed: number,
): RowState {
  if (job !== undefined) {
    const share = shareOf(job);
    const busy = job.state === 'running' && share !== null;
    const text = busy ? formatPercent(share) : jobText(job);
    return { text, hint: jobText(job), tone: job.state === 'running' ? 'now' : 'plain', read: readBy(job) };
  }
  if (changed > 0)
    return {
      text: m.library_changed_short({ count: changed, shown: formatNumber(changed) }),
      hint: m.library_note_changed({ count: changed, shown: formatNumber(changed) }),
      tone: 'note',
      read: 0,
    };
  if (item.status === 'empty') return { text: m.library_empty_short(), hint: null, tone: 'plain', read: 0 };
  return { text: null, hint: null, tone: 'plain', read: 0 };
}
