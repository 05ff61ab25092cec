/** What a kind of error leaves untouched: the second thing that a reader of an error asks. */
import type { ErrorCode } from '../../shared/errors.ts';
import { m } from '../paraglide/messages.js';

/** One sentence, or '' where nothing was at stake. */
export function whatIsSafe(code: ErrorCode): string {
  switch (code) {
    case 'engine-lost':
    case 'internal':
      return m.safe_saved();
    case 'disk-full':
      return m.safe_disk_full();
    case 'context-full':
      return m.safe_nothing_cut();
    case 'busy':
      return m.safe_nothing_changed();
    case 'corrupt':
      return m.safe_kept_aside();
    default:
      return '';
  }
}
