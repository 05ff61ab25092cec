/**
 * Which entries of a ring a query sees, and which a cache holds, in closed form. Entry m of a ring is the key
 * k = residue + m * stride.
 */
import type { CompiledPlan, DistanceSegment, RingLayout } from './types.ts';

/** Entries first <= m < end; empty when end = first. */
export interface EntryRange {
  readonly first: number;
  readonly end: number;
}

export function keyOf(ring: RingLayout, entry: number): number {
  return ring.residue + entry * ring.stride;
}

/** Entries of the keys firstKey <= k <= lastKey. */
export function entriesBetween(ring: RingLayout, firstKey: number, lastKey: number): EntryRange {
  const first = Math.max(0, Math.ceil((firstKey - ring.residue) / ring.stride));
  const end = Math.floor((lastKey - ring.residue) / ring.stride) + 1;
  return { first, end: Math.max(first, end) };
}

/** Entries that the query at `position` attends to in this ring (`RingLayout`'s rules). */
export function visibleEntries(ring: RingLayout, sinkCount: number, position: number): EntryRange {
  switch (ring.kind) {
    case 'sinks':
      return entriesBetween(ring, 0, Math.min(ring.hi - 1, position));
    case 'sliding': {
      const oldest = position < ring.denseUpTo ? 0 : position - ring.hi + 1;
      return entriesBetween(ring, Math.max(sinkCount, oldest), position - ring.lo);
    }
    case 'aligned': {
      const range = entriesBetween(ring, segmentStart(ring, position), position);
      const served = !ring.sparseQueries || position % ring.stride === ring.residue;
      return served ? range : { first: range.first, end: range.first };
    }
  }
}

/**
 * Entries that a cache of `position` tokens holds between two calls: what its last token saw, or the running
 * segment of an aligned ring. It is all that later tokens can need: what enters a band next is still in the ring
 * that hands it over. A canonical snapshot is exactly this.
 */
export function heldEntries(ring: RingLayout, sinkCount: number, position: number): EntryRange {
  if (ring.kind === 'aligned') return entriesBetween(ring, segmentStart(ring, position), position - 1);
  return visibleEntries(ring, sinkCount, position - 1);
}

/**
 * Entries that enter the ring when `rows` tokens are appended to `position`: keys that come into its range for one
 * of these rows. They come from the new tokens, or from the ring's source, which must have taken its own first.
 */
export function enteringEntries(
  ring: RingLayout,
  sinkCount: number,
  position: number,
  rows: number,
): EntryRange {
  const last = position + rows - 1 - ring.lo;
  if (ring.kind === 'sinks') return entriesBetween(ring, position, Math.min(ring.hi - 1, last));
  return entriesBetween(ring, Math.max(sinkCount, position - ring.lo), last);
}

/** Entries that a ring must have room for, when up to `rows` tokens are appended at once; may be Infinity. */
export function ringCapacity(ring: RingLayout, rows: number): number {
  if (ring.kind === 'sinks') return ring.hi;
  const reach = Math.max(ring.hi - ring.lo, ring.denseUpTo);
  return Math.ceil((reach + rows) / ring.stride) + 1;
}

function segmentStart(ring: RingLayout, position: number): number {
  return Math.floor(position / ring.align) * ring.align;
}

/** f(d): the relative position of a distance in tokens. */
export function positionOfDistance(map: readonly DistanceSegment[], distance: number): number {
  let segment = map[0];
  for (const next of map) {
    if (next.from > distance) break;
    segment = next;
  }
  return segment.base + segment.slope * (distance - segment.from);
}

/** Relative position at which the query at `position` sees the key at `key` through this ring. */
export function relativePosition(
  compiled: Pick<CompiledPlan, 'distanceMap'>,
  ring: RingLayout,
  position: number,
  key: number,
): number {
  if (ring.kind === 'sinks') return positionOfDistance(compiled.distanceMap, position) - key;
  return ring.slope * (position - key) + ring.intercept;
}
