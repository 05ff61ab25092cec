import type { ChatEvent, LibraryEvent } from './events.ts';
import type { AppEvent, JobStatus, ModelEvent } from './reports.ts';

type AnyEvent = ChatEvent | LibraryEvent | ModelEvent | AppEvent;

/**
 * One event that says what two say, of which nothing about the same came between; null when both are needed. Texts
 * are appended; of two progress reports of the same phase, of two places in a queue, and of two states of the same
 * thing, the later counts.
 */
export function join(earlier: unknown, later: unknown): AnyEvent | null {
  const a = earlier as AnyEvent;
  const b = later as AnyEvent;
  if (a.kind === 'text' && b.kind === 'text') return { kind: 'text', text: a.text + b.text };
  if (a.kind === 'progress' && b.kind === 'progress') return phaseOf(a) === phaseOf(b) ? b : null;
  // how a job has ended is told, also when the next one of that library has begun
  if (a.kind === 'job' && b.kind === 'job')
    return a.job.name === b.job.name && !(hasEnded(a.job) && !hasEnded(b.job)) ? b : null;
  if (a.kind === 'changed' && b.kind === 'changed') return a.name === b.name ? b : null;
  if (a.kind === 'libraries' && b.kind === 'libraries') return a.name === b.name ? b : null;
  return a.kind === b.kind && latestCounts.has(a.kind) ? b : null;
}

/** of these one says all that those before it have said */
const latestCounts: ReadonlySet<string> = new Set<AnyEvent['kind']>([
  'queue',
  'conversations',
  'models',
  'settings',
  'answering',
]);

/** progress of a file that is copied has one phase only */
function phaseOf(event: Extract<AnyEvent, { kind: 'progress' }>): string | null {
  return 'phase' in event ? event.phase : null;
}

function hasEnded({ state }: JobStatus): boolean {
  return state === 'done' || state === 'failed' || state === 'cancelled';
}
