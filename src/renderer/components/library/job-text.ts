/** What a job is doing, in a word or two. */
import type { JobStatus } from '../../../shared/rpc/index.ts';
import { m } from '../../paraglide/messages.js';

export function jobText(job: JobStatus): string {
  if (job.state === 'waiting') return m.library_job_waiting();
  if (job.state === 'paused') {
    if (job.reason === 'battery') return m.library_paused_battery();
    if (job.reason === 'asleep') return m.library_paused_asleep();
    return m.library_paused();
  }
  switch (job.progress?.phase) {
    case 'extract':
      return m.library_phase_extract();
    case 'tokenise':
      return m.library_phase_tokenise();
    case 'index':
      return m.library_phase_index();
    case 'model':
      return m.library_phase_model();
    case 'read':
      return m.library_phase_read();
    case 'checkpoint':
      return m.library_phase_checkpoint();
    case 'scan':
    case undefined:
      return m.library_phase_scan();
  }
}
