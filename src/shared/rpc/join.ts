import type { ChatEvent, LibraryEvent } from './events.ts';

type AnyEvent = ChatEvent | LibraryEvent;

/**
 * One event that says what two neighbours say; null when both are needed. Texts are appended; of two progress
 * reports of the same phase, and of two places in a queue, the later counts.
 */
export function join(earlier: unknown, later: unknown): AnyEvent | null {
  const a = earlier as AnyEvent;
  const b = later as AnyEvent;
  if (a.kind === 'text' && b.kind === 'text') return { kind: 'text', text: a.text + b.text };
  if (a.kind === 'queue' && b.kind === 'queue') return b;
  if (a.kind === 'progress' && b.kind === 'progress' && a.phase === b.phase) return b;
  return null;
}
