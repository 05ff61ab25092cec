/** How a round of consecutive tokens is shared: each device computes one stretch of them. */
import type { EntryRange } from '../../plan/visibility.ts';
import { enteringEntries, entriesBetween } from '../../plan/visibility.ts';
import type { CompiledPlan } from '../../plan/types.ts';

/** The rows [first, first + rows) of a round of `total` tokens, counted from its beginning. */
export interface Stretch {
  readonly first: number;
  readonly rows: number;
  readonly total: number;
}

/** A round that one device computes alone: a chunk. */
export function wholeRound(rows: number): Stretch {
  return { first: 0, rows, total: rows };
}

/** As even as can be, in the order of the devices; none is empty. @param total at least `devices` */
export function stretchesOf(total: number, devices: number): readonly Stretch[] {
  const boundary = (device: number): number => Math.floor((device * total) / devices);
  return Array.from({ length: devices }, (_, device) => {
    const first = boundary(device);
    return { first, rows: boundary(device + 1) - first, total };
  });
}

/**
 * Entries of each ring that a round brings, by where their keys come from. What stands first is written by the device
 * that computes `stretch`; what other stretches make comes from outside.
 * @param position of the round's first token
 */
export function enteringByOrigin(
  { rings, sinkCount }: CompiledPlan,
  position: number,
  { first, rows, total }: Stretch,
): Readonly<Record<'handedOver' | 'own' | 'before' | 'after', readonly EntryRange[]>> {
  const own = position + first;
  const between = (from: number, to: number): readonly EntryRange[] =>
    rings.map((ring) => {
      const all = enteringEntries(ring, sinkCount, position, total);
      const range = entriesBetween(ring, from, to - 1);
      const begin = Math.max(all.first, range.first);
      return { first: begin, end: Math.max(begin, Math.min(all.end, range.end)) };
    });
  return {
    handedOver: between(0, position),
    own: between(own, own + rows),
    before: between(position, own),
    after: between(own + rows, position + total),
  };
}

/** Entries of each ring whose keys are a stretch's own: what the other devices are given of it. */
export function stretchEntries(
  compiled: CompiledPlan,
  position: number,
  stretch: Stretch,
): readonly EntryRange[] {
  return enteringByOrigin(compiled, position, stretch).own;
}
