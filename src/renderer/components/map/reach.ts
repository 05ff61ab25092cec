/** What a position can attend to under a plan: the plan's own regions of distances, laid over the tokens. */
import type { ContextMap } from '../../../shared/rpc/index.ts';

export type MapPlan = ContextMap['plan'];

/** One region seen from a position: every `stride`th token of [from, to). */
export interface Reach {
  readonly from: number;
  readonly to: number;
  readonly stride: number;
  /** where the region would end if the text went on to the left; below 0: it reaches past the beginning */
  readonly end: number;
}

/** Nearest first. Where the plan ends, nothing follows: what is not in the list is out of reach. */
export function reachFrom(position: number, plan: MapPlan): readonly Reach[] {
  const list: Reach[] = [];
  let to = position;
  for (const region of plan.regions) {
    if (to <= 0) break;
    const end = endOf(position, region.to, plan.alignment);
    const from = Math.max(0, Math.min(end, to));
    if (from < to) list.push({ from, to, stride: region.stride, end });
    to = Math.min(to, from);
  }
  return list;
}

function endOf(position: number, distance: number | null, alignment: MapPlan['alignment']): number {
  if (distance === null) return 0;
  if (alignment === 'sliding') return position - distance;
  return Math.floor(position / distance) * distance;
}

/** One key in how many is in reach at `token` from `position`; null = none. Sinks are always in reach. */
export function strideAt(position: number, token: number, plan: MapPlan): number | null {
  if (token < plan.sinks && token < position) return 1;
  const found = reachFrom(position, plan).find(({ from, to }) => token >= from && token < to);
  return found?.stride ?? null;
}

/**
 * Tokens between two ticks of a region: ticks are as many as the keys that the plan has there, the same number of
 * keys a tick everywhere. `finer` (a power of two) multiplies them when zoomed, until a tick is one key.
 */
export function tickGap(
  reach: Reach,
  index: number,
  window: number,
  perOctave: number,
  finer: number,
): number {
  const gap = (window / (index === 0 ? 1 : 2) / (perOctave * finer)) * reach.stride;
  return Math.max(reach.stride, gap);
}
