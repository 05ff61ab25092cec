/** The band's segments: which stretches of px stand for which documents, in which colour. */
import type { MapDocument } from '../../../shared/rpc/index.ts';
import { type Scale, clampX, xOf } from './scale.ts';
import { type Unit, colourOf, unitIndexAt } from './units.ts';

export interface Segment {
  /** px, cut to the map, with the px of ground before the next one left out */
  readonly x0: number;
  readonly x1: number;
  /** tokens */
  readonly start: number;
  readonly end: number;
  /** 1..8 */
  readonly colour: number;
  readonly alt: boolean;
  readonly path: string;
  readonly state: MapDocument['state'];
}

/** px under which neighbours of one colour are drawn as one */
const LEAST_WIDTH = 3;
/** px under which a segment takes its neighbour in, whatever its colour */
const LEAST_SEEN = 1.5;

/**
 * @param byUnit true: one segment per unit, as the whole library is drawn; false (zoomed): one per document, those
 *   of one folder plain and `alt` in turn
 */
export function segmentsOf(
  documents: readonly MapDocument[],
  units: readonly Unit[],
  scale: Scale,
  byUnit: boolean,
): readonly Segment[] {
  const segments: Segment[] = [];
  let lastUnit = -1;
  let turn = 0;
  for (const document of documents) {
    const end = document.start + document.tokens;
    if (document.tokens === 0 || end <= scale.from || document.start >= scale.to) continue;
    const index = unitIndexAt(units, document.start);
    const sameUnit = index === lastUnit;
    turn = sameUnit ? turn + 1 : 0;
    lastUnit = index;
    const unit = units[index];
    const fresh: Segment = {
      ...edges(scale, document.start, end),
      start: document.start,
      end,
      colour: colourOf(index),
      alt: !byUnit && turn % 2 === 1,
      path: byUnit && unit !== undefined && unit.count > 1 ? unit.path : document.path,
      state: document.state,
    };
    const last = segments.at(-1);
    const width = last === undefined ? Infinity : widthIn(scale, last.start, last.end);
    if (last !== undefined && ((sameUnit && (byUnit || width < LEAST_WIDTH)) || width < LEAST_SEEN)) {
      segments[segments.length - 1] = joined(last, fresh, scale);
      turn = Math.max(0, turn - 1);
    } else segments.push(fresh);
  }
  return segments;
}

/** It looks like the wider of the two, and says what is wrong in either. */
function joined(before: Segment, after: Segment, scale: Scale): Segment {
  const wider = after.end - after.start > before.end - before.start ? after : before;
  return {
    ...wider,
    ...edges(scale, before.start, after.end),
    start: before.start,
    end: after.end,
    state: before.state === 'read' ? after.state : before.state,
  };
}

function edges(scale: Scale, start: number, end: number): { readonly x0: number; readonly x1: number } {
  const ground = widthIn(scale, start, end) > LEAST_WIDTH ? 1 : 0;
  const x0 = clampX(scale, xOf(scale, start));
  return { x0, x1: Math.max(x0 + 0.5, clampX(scale, xOf(scale, end)) - ground) };
}

function widthIn(scale: Scale, start: number, end: number): number {
  return xOf(scale, end) - xOf(scale, start);
}
