/**
 * How many keys a plan sees and how far its positions reach, by counting its rings: at 10^9 tokens as fast as at
 * ten. `visibleKeysOf` lists the keys one by one from the rules as `RingLayout` states them; tests compare the two.
 */
import type { CompiledPlan, RingLayout } from './types.ts';
import { positionOfDistance, relativePosition, visibleEntries } from './visibility.ts';

export interface VisibleKeys {
  /** through rings of stride 1: sinks, window, undilated segments */
  readonly exact: number;
  /** through dilated rings */
  readonly sparse: number;
}

/**
 * Keys that the query at `position` attends to in one head; a key in c patterns of a multiset counts c times.
 * @param head query head; without it, the head that sees most
 */
export function visibleKeys(compiled: CompiledPlan, position: number, head?: number): VisibleKeys {
  if (head !== undefined) return visibleKeysOfHead(compiled, position, head);
  let most: VisibleKeys = { exact: 0, sparse: 0 };
  for (let each = 0; each < compiled.geometry.heads; each++) {
    const keys = visibleKeysOfHead(compiled, position, each);
    if (keys.exact + keys.sparse > most.exact + most.sparse) most = keys;
  }
  return most;
}

function visibleKeysOfHead(compiled: CompiledPlan, position: number, head: number): VisibleKeys {
  let exact = 0;
  let sparse = 0;
  for (const ring of ringsOfHead(compiled, head)) {
    const { first, end } = visibleEntries(ring, compiled.sinkCount, position);
    if (ring.stride === 1) exact += end - first;
    else sparse += end - first;
  }
  return { exact, sparse };
}

export function ringsOfHead(compiled: CompiledPlan, head: number): readonly RingLayout[] {
  return compiled.rings.filter((ring) => head >= ring.firstHead && head < ring.firstHead + ring.headCount);
}

/** Largest relative position that RoPE is evaluated at, over all queries 0 … upTo and the keys they see. */
export function maxPosition(compiled: CompiledPlan, upTo: number): number {
  const positions = compiled.rings.map((ring) => maxRingPosition(compiled, ring, upTo));
  return Math.max(0, ...positions);
}

function maxRingPosition(compiled: CompiledPlan, ring: RingLayout, upTo: number): number {
  if (ring.kind === 'sinks') return positionOfDistance(compiled.distanceMap, upTo);
  const distance =
    ring.kind === 'aligned' ? maxAlignedDistance(ring, upTo) : maxSlidingDistance(compiled, ring, upTo);
  return distance < ring.lo ? 0 : ring.slope * distance + ring.intercept;
}

/** -1 when no key is seen */
function maxSlidingDistance(compiled: CompiledPlan, ring: RingLayout, upTo: number): number {
  const firstEntry = Math.max(0, Math.ceil((compiled.sinkCount - ring.residue) / ring.stride));
  const firstKey = ring.residue + firstEntry * ring.stride;
  const sliding = Math.min(ring.hi - 1, upTo - firstKey);
  const dense = Math.min(ring.denseUpTo - 1, upTo) - firstKey;
  return Math.max(sliding, dense, -1);
}

/** -1 when no key is seen */
function maxAlignedDistance(ring: RingLayout, upTo: number): number {
  const distance = Math.min(upTo, ring.align - 1) - ring.residue;
  if (distance < 0) return -1;
  return ring.sparseQueries ? Math.floor(distance / ring.stride) * ring.stride : distance;
}

export interface VisibleKey {
  readonly key: number;
  readonly relativePosition: number;
  readonly ring: RingLayout;
}

/** Every key that query head `head` sees at `position`, ring by ring: O(position), for tests and small examples. */
export function visibleKeysOf(compiled: CompiledPlan, head: number, position: number): readonly VisibleKey[] {
  const keys: VisibleKey[] = [];
  for (const ring of ringsOfHead(compiled, head)) {
    for (let key = 0; key <= position; key++) {
      if (!sees(ring, compiled.sinkCount, position, key)) continue;
      keys.push({ key, relativePosition: relativePosition(compiled, ring, position, key), ring });
    }
  }
  return keys;
}

/** The rules of `RingLayout`, word for word. */
function sees(ring: RingLayout, sinkCount: number, p: number, k: number): boolean {
  if (k % ring.stride !== ring.residue % ring.stride || k < ring.residue) return false;
  if (ring.kind === 'sinks') return k < ring.hi && k <= p;
  if (ring.kind === 'aligned') {
    const served = !ring.sparseQueries || p % ring.stride === ring.residue;
    return served && Math.floor(p / ring.align) * ring.align <= k && k <= p;
  }
  if (k < sinkCount) return false;
  if (p < ring.denseUpTo && ring.lo === 0) return k <= p;
  return p - ring.hi < k && k <= p - ring.lo;
}
