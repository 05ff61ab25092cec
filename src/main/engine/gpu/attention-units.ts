/**
 * How the attention of a chunk is cut up: the visible entries of each ring into units of 128 at absolute multiples of
 * 128 (attention.wgsl), for each head the units that it merges in the plan's order, and the rows into blocks whose
 * partial sums fit their buffer.
 */
import type { CompiledPlan } from '../plan/types.ts';

/** Entries of a unit, and of a tile, the least that is read; also in attention.wgsl. */
export const unitEntries = 128;
export const tileEntries = 64;

export interface AttentionUnits {
  /** u32 [units][ring, first entry] */
  readonly units: Uint32Array<ArrayBuffer>;
  /** u32 [heads + 1]: where each head's list begins */
  readonly starts: Uint32Array<ArrayBuffer>;
  /** u32 [unit, head within its ring] */
  readonly headUnits: Uint32Array<ArrayBuffer>;
}

/** @param visible u32 [rows][rings][first, end) */
export function attentionUnits({ rings, geometry }: CompiledPlan, visible: Uint32Array): AttentionUnits {
  const units: number[] = [];
  const lists: number[][] = Array.from({ length: geometry.heads }, () => []);
  for (const [index, { firstHead, headCount }] of rings.entries()) {
    const { first, end } = unionOf(visible, rings.length, index);
    for (let entry = first - (first % unitEntries); entry < end; entry += unitEntries) {
      const unit = units.length / 2;
      units.push(index, entry);
      for (let head = 0; head < headCount; head++) lists[firstHead + head].push(unit, head);
    }
  }
  let start = 0;
  const starts = [0, ...lists.map((list) => (start += list.length / 2))];
  return {
    units: Uint32Array.from(units),
    starts: Uint32Array.from(starts),
    headUnits: Uint32Array.from(lists.flat()),
  };
}

function unionOf(visible: Uint32Array, rings: number, ring: number): { first: number; end: number } {
  let first = 0;
  let end = 0;
  for (let at = 2 * ring; at < visible.length; at += 2 * rings) {
    if (visible[at + 1] <= visible[at]) continue;
    first = end === 0 ? visible[at] : Math.min(first, visible[at]);
    end = Math.max(end, visible[at + 1]);
  }
  return { first, end };
}

/** Query heads that a ring serves at most. */
export function groupHeads({ rings }: CompiledPlan): number {
  return Math.max(...rings.map(({ headCount }) => headCount));
}

/** Bytes of the partial sums of one row: for each unit and head the maximum, the sum, and f32 [headDim]. */
export function partialBytesPerRow(compiled: CompiledPlan, units: number): number {
  return units * groupHeads(compiled) * (compiled.geometry.headDim + 4) * Float32Array.BYTES_PER_ELEMENT;
}
