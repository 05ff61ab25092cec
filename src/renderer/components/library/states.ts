/** What became of a file, in words, with its colour. */
import type { FileOutcome } from '../../../shared/model/index.ts';
import type { LibraryEntry } from '../../../shared/rpc/index.ts';
import { formatNumber, formatPercent } from '../../lib/format.ts';
import { m } from '../../paraglide/messages.js';

export interface EntryState {
  readonly kind: 'ok' | 'now' | 'waiting' | 'indexed' | 'bad' | 'out';
  readonly text: string;
  /** more words, for a tooltip */
  readonly reason: string | null;
}

interface Progress {
  /** tokens in the state; 0 = nothing was read into one */
  readonly read: number;
  /** whether a state is being read, or was */
  readonly reads: boolean;
  /** reading goes on now, or waits for its turn */
  readonly active: boolean;
}

export function stateOf(entry: LibraryEntry, progress: Progress): EntryState {
  return entry.kind === 'file' ? fileState(entry, progress) : folderState(entry, progress);
}

function fileState(entry: Extract<LibraryEntry, { kind: 'file' }>, progress: Progress): EntryState {
  const { outcome, reason } = entry;
  if (outcome === 'refused') return { kind: 'bad', text: m.library_state_refused(), reason };
  if (outcome === 'skipped') return { kind: 'out', text: m.library_state_skipped(), reason };
  if (outcome === 'partly') return { kind: 'bad', text: m.library_state_partly(), reason };
  return { ...positionState(entry, progress), reason };
}

function folderState(entry: Extract<LibraryEntry, { kind: 'folder' }>, progress: Progress): EntryState {
  const { refused, partly, skipped, read } = entry.counts;
  if (refused > 0)
    return {
      kind: 'bad',
      text: m.library_state_some_refused({ count: formatNumber(refused) }),
      reason: null,
    };
  if (partly > 0)
    return { kind: 'bad', text: m.library_state_some_partly({ count: formatNumber(partly) }), reason: null };
  if (read === 0 && skipped > 0) return { kind: 'out', text: m.library_state_skipped(), reason: null };
  return { ...positionState(entry, progress), reason: null };
}

function positionState(
  { start, tokens }: Pick<LibraryEntry, 'start' | 'tokens'>,
  { read, reads, active }: Progress,
): Omit<EntryState, 'reason'> {
  const indexed = { kind: 'indexed', text: m.library_state_indexed() } as const;
  if (!reads || start === null) return indexed;
  if (start + tokens <= read) return { kind: 'ok', text: m.library_state_read() };
  if (start >= read) return active ? { kind: 'waiting', text: m.library_state_waiting() } : indexed;
  return {
    kind: active ? 'now' : 'waiting',
    text: formatPercent((read - start) / Math.max(1, tokens)),
  };
}

export function outcomeText(outcome: FileOutcome): string {
  switch (outcome) {
    case 'read':
      return m.library_outcome_read();
    case 'partly':
      return m.library_outcome_partly();
    case 'refused':
      return m.library_outcome_refused();
    case 'skipped':
      return m.library_outcome_skipped();
  }
}
