/** Axis, band, what is not read, what could not be read, what changed, saved states, names. */
import type { MapDocument } from '../../../shared/rpc/index.ts';
import type { Segment } from './segments.ts';
import { type Geometry, type Shape, px } from './shapes.ts';
import { type Scale, axisStep, clampX, shortTokens, xOf } from './scale.ts';

/** px between two hatching lines, and how far each leans; a narrower segment has one of both lines */
const HATCH_EVERY = 5;
const HATCH_LEAN = 4;
/** px under which a band is too low for hatching: what is unread is outlined there */
const HATCH_FROM = 6;
const SAVES_EVERY = 40;
const LEAST_CONVERSATION = 6;

export function axisShapes(scale: Scale, geometry: Geometry): readonly Shape[] {
  if (!geometry.axis) return [];
  const step = axisStep(scale);
  const shapes: Shape[] = [];
  for (let token = Math.ceil(scale.from / step) * step; token <= scale.to; token += step) {
    const x = xOf(scale, token);
    const anchor = x < 12 ? 'start' : x > scale.width - 24 ? 'end' : 'middle';
    shapes.push({
      kind: 'path',
      d: `M${px(x)} ${geometry.arcsTop - 4}V${geometry.bandTop}`,
      paint: 'm-grid',
    });
    shapes.push({
      kind: 'text',
      x: clampX(scale, x),
      y: 10,
      text: shortTokens(token),
      anchor,
      paint: 'm-num',
    });
  }
  return shapes;
}

/** @param read tokens from the beginning that a state holds */
export function bandShapes(
  segments: readonly Segment[],
  read: number,
  scale: Scale,
  geometry: Geometry,
): readonly Shape[] {
  return segments.flatMap((segment) => {
    const shapes: Shape[] = [];
    const edge = read >= segment.end ? segment.x1 : Math.max(segment.x0, clampX(scale, xOf(scale, read)));
    const colour = `d${segment.colour}`;
    if (read > segment.start)
      shapes.push(bar(segment.x0, edge, geometry, `m-doc ${colour}${segment.alt ? ' alt' : ''}`));
    if (read < segment.end) shapes.push(...unread(edge, segment.x1, colour, geometry));
    return shapes;
  });
}

function bar(x0: number, x1: number, geometry: Geometry, paint: string): Shape {
  const { bandTop: y, band: height } = geometry;
  return { kind: 'rect', x: px(x0), y, width: px(Math.max(0.5, x1 - x0)), height, paint };
}

function unread(x0: number, x1: number, colour: string, geometry: Geometry): readonly Shape[] {
  const { bandTop, bandFoot, band } = geometry;
  if (band < HATCH_FROM) {
    const width = px(Math.max(0.5, x1 - x0 - 1));
    return [
      {
        kind: 'rect',
        x: px(x0 + 0.5),
        y: bandTop + 0.5,
        width,
        height: band - 1,
        paint: `m-outline ${colour}`,
      },
    ];
  }
  const shapes: Shape[] = [bar(x0, x1, geometry, `m-un ${colour}`)];
  let d = '';
  for (let x = Math.ceil((x0 + 1) / HATCH_EVERY) * HATCH_EVERY; x < x1; x += HATCH_EVERY) {
    const lean = Math.min(x1 - x, HATCH_LEAN);
    d += `M${x} ${bandFoot}L${px(x + lean)} ${px(bandFoot - (lean * band) / HATCH_LEAN)}`;
  }
  if (d !== '') shapes.push({ kind: 'path', d, paint: `m-hatch ${colour}` });
  if (d === '' || x1 - x0 >= HATCH_EVERY)
    shapes.push({ kind: 'path', d: `M${px(x0 + 0.5)} ${bandTop}V${bandFoot}`, paint: `m-edge ${colour}` });
  return shapes;
}

/** The conversation stands after the library. @param total tokens of the library */
export function conversationShapes(
  total: number,
  conversation: number,
  scale: Scale,
  geometry: Geometry,
): readonly Shape[] {
  if (conversation <= 0 || scale.to <= total) return [];
  const x1 = clampX(scale, xOf(scale, total + conversation));
  return [bar(Math.min(x1 - LEAST_CONVERSATION, clampX(scale, xOf(scale, total))), x1, geometry, 'm-conv')];
}

/** Documents that could not be read, in part or at all: a gap where nothing is, and a triangle above. */
export function faultShapes(
  documents: readonly MapDocument[],
  scale: Scale,
  geometry: Geometry,
): readonly Shape[] {
  if (geometry.comb === 0) return [];
  const shapes: Shape[] = [];
  for (const { start, tokens, state } of documents) {
    if (state !== 'failed' && state !== 'partly') continue;
    if (start + tokens < scale.from || start > scale.to) continue;
    const x = clampX(scale, xOf(scale, start));
    const width = Math.max(3, clampX(scale, xOf(scale, start + tokens)) - x);
    // Of a document read in part nobody knows where the rest would stand: its colour stays, the triangle tells.
    if (state === 'failed') shapes.push(bar(x, x + width, geometry, 'm-fault'));
    const middle = px(x + Math.min(width, 8) / 2);
    shapes.push({ kind: 'path', d: `M${middle - 4} ${geometry.bandTop - 2}h8l-4 5z`, paint: 'm-alarm' });
  }
  return shapes;
}

/** What an update reads again: from the first changed token to the end of the library. */
export function changedShapes(
  changedFrom: number | null,
  total: number,
  scale: Scale,
  geometry: Geometry,
): readonly Shape[] {
  if (changedFrom === null || changedFrom > scale.to || geometry.comb === 0) return [];
  const from = px(clampX(scale, xOf(scale, changedFrom)));
  const to = px(clampX(scale, xOf(scale, total)));
  const { bandTop, bandFoot } = geometry;
  const y = bandFoot + 2.5;
  return [{ kind: 'path', d: `M${from} ${bandTop - 3}V${y}M${from} ${y}H${to}`, paint: 'm-changed' }];
}

/** Saved states: dots in the foot of the band, one in 40 px at most. */
export function saveShapes(
  checkpoints: readonly number[],
  scale: Scale,
  geometry: Geometry,
): readonly Shape[] {
  if (geometry.comb === 0) return [];
  const shapes: Shape[] = [];
  let last = -Infinity;
  for (const token of [...checkpoints].sort((a, b) => a - b)) {
    const x = xOf(scale, token);
    if (token < scale.from || token > scale.to || x - last < SAVES_EVERY) continue;
    last = x;
    const d = `M${px(x - 1.5)} ${geometry.bandFoot - 3.5}a1.5 1.5 0 1 0 3 0a1.5 1.5 0 1 0 -3 0z`;
    shapes.push({ kind: 'path', d, paint: 'm-save' });
  }
  return shapes;
}

export function nameShapes(segments: readonly Segment[], geometry: Geometry): readonly Shape[] {
  if (!geometry.names) return [];
  return segments.flatMap(({ x0, x1, path }): Shape[] => {
    const text = x1 - x0 > 36 ? bestName(path, x1 - x0 - 4) : '';
    if (text === '') return [];
    return [
      { kind: 'text', x: px(x0 + 1), y: geometry.bandFoot + 13, text, anchor: 'start', paint: 'm-name' },
    ];
  });
}

/** The last two names of a path, which tell `parser/src` from `core/src`, where they fit; else the last one. */
function bestName(path: string, width: number): string {
  const names = path.split('/');
  const two = names.slice(-2).join('/');
  return fitted(two, width) === two ? two : fitted(names.at(-1) ?? path, width);
}

/** Cut with an ellipsis to `width` px at 11 px type: letters are estimated, wide characters are square. */
export function fitted(text: string, width: number): string {
  let used = 0;
  let out = '';
  for (const character of text) {
    const advance = (character.codePointAt(0) ?? 0) > 0x2e7f ? 11 : 6.3;
    if (used + advance > width) {
      const cut = [...out].slice(0, -1).join('');
      return cut.length < 2 ? '' : `${cut}…`;
    }
    used += advance;
    out += character;
  }
  return out;
}
