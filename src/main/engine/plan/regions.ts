/** What a compiled plan lets a position see, as stretches of distances: what the context map draws. */
import type { CompiledPlan, RingLayout } from './types.ts';

/** Distances (from, to] in tokens, of which one key in `stride` is seen; `to` null = back to the beginning. */
export interface PlanRegion {
  readonly from: number;
  readonly to: number | null;
  readonly stride: number;
}

/**
 * From the nearest outwards, read off the rings of one KV head (the others keep other keys at the same distances).
 * @param length of the sequence in tokens: rings that begin beyond it are left out, and a plan without end then
 *   ends with a region that goes back to the beginning
 */
export function planRegions(compiled: CompiledPlan, length: number): readonly PlanRegion[] {
  const rings = compiled.rings.filter((ring) => ring.kvHead === 0 && ring.kind !== 'sinks');
  const regions: PlanRegion[] = [];
  for (const { from, to, stride } of outwards(rings)) {
    if (from > 0 && from >= length) break;
    regions.push({ from, to: Number.isFinite(to) ? to : null, stride });
  }
  const last = regions.at(-1);
  const reaches = last !== undefined && last.to !== null && last.to >= length;
  if (reaches && hasNoEnd(compiled)) regions[regions.length - 1] = { ...last, to: null };
  return regions;
}

/** Segments hold each other: of a longer one, what lies beyond the shorter one is a region of its own. */
function outwards(rings: readonly RingLayout[]): { from: number; to: number; stride: number }[] {
  const sorted = rings.toSorted((a, b) => a.hi - b.hi || a.stride - b.stride);
  const found: { from: number; to: number; stride: number }[] = [];
  for (const ring of sorted) {
    const before = found.at(-1);
    // rings of other query heads of the same KV head: the same distances
    if (before?.to === ring.hi) continue;
    const from = ring.kind === 'aligned' ? (before?.to ?? 0) : ring.lo;
    found.push({ from, to: ring.hi, stride: ring.stride });
  }
  return found;
}

function hasNoEnd({ plan }: CompiledPlan): boolean {
  return plan.bands !== undefined && plan.bands.count === undefined;
}
