/** The context map as three layers of shapes, from the back to the front. Pure: the same input, the same picture. */
import type { ContextMap, MapDocument } from '../../../shared/rpc/index.ts';
import { arcShapes, finerFor, needleShapes, tickShapes } from './attention-shapes.ts';
import {
  axisShapes,
  bandShapes,
  changedShapes,
  conversationShapes,
  faultShapes,
  nameShapes,
  saveShapes,
} from './band-shapes.ts';
import { type MapMark, markShapes } from './mark-shapes.ts';
import type { Scale } from './scale.ts';
import { segmentsOf } from './segments.ts';
import type { Geometry, Shape } from './shapes.ts';
import type { Unit } from './units.ts';

export interface Ground {
  readonly map: ContextMap;
  /** those in view; finer than `map.documents` when zoomed */
  readonly documents: readonly MapDocument[];
  readonly units: readonly Unit[];
  /** tokens of the conversation, which stands after the library */
  readonly conversation: number;
}

/** What changes only with the library and the view. */
export function groundShapes(ground: Ground, scale: Scale, geometry: Geometry): readonly Shape[] {
  const { map, documents, units, conversation } = ground;
  const whole = scale.from === 0 && scale.to >= map.tokens;
  const segments = segmentsOf(documents, units, scale, whole);
  return [
    ...axisShapes(scale, geometry),
    ...bandShapes(segments, map.read, scale, geometry),
    ...conversationShapes(map.tokens, conversation, scale, geometry),
    ...faultShapes(documents, scale, geometry),
    // Where nothing was read, nothing is read again.
    ...changedShapes(map.read > 0 ? map.changedFrom : null, map.tokens, scale, geometry),
    ...saveShapes(map.checkpoints, scale, geometry),
    ...nameShapes(segments, geometry),
  ];
}

/** What follows the needle. @param total tokens of library and conversation */
export function attentionShapes(
  position: number,
  plan: ContextMap['plan'],
  total: number,
  scale: Scale,
  geometry: Geometry,
  arcLabel: (stride: number) => string,
): readonly Shape[] {
  return [
    ...arcShapes(position, plan, scale, geometry, arcLabel),
    ...tickShapes(position, plan, scale, geometry, finerFor(scale, total)),
  ];
}

/** What lies above everything else. @param needle null: none is drawn */
export function frontShapes(
  needle: number | null,
  marks: readonly MapMark[],
  open: number | string | null,
  scale: Scale,
  geometry: Geometry,
): readonly Shape[] {
  return [
    ...(needle === null ? [] : needleShapes(needle, scale, geometry)),
    ...markShapes(marks, open, scale, geometry),
  ];
}
