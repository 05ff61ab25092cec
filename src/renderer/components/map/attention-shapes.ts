/** Ticks, arcs and needle: what the plan lets the position under the needle attend to, and nothing beyond it. */
import { type MapPlan, type Reach, reachFrom, tickGap } from './reach.ts';
import { type Scale, clampX, widthOf, xOf } from './scale.ts';
import { type Geometry, type Shape, px } from './shapes.ts';

/** px under which ticks merge to a step */
const MERGED_UNDER = 2;
/** px of the lowest ticks */
const LEAST_TICK = 5;
/** px under which a region is too narrow to be the first of the comb */
const LEAST_REGION = 0.4;
/** px of an arc that is drawn, and of the half axis of one that is labelled */
const LEAST_ARC = 16;
const LABELLED_ARC = 44;
/** above .5 the half ellipses stay nested */
const ARC_EXPONENT = 0.56;

/** @param finer powers of two that the zoom adds to the ticks (`finerFor`) */
export function tickShapes(
  position: number,
  plan: MapPlan,
  scale: Scale,
  geometry: Geometry,
  finer: number,
): readonly Shape[] {
  if (geometry.ticksPerOctave === 0) return [];
  const reaches = reachFrom(position, plan);
  const window = plan.regions[0]?.to ?? position;
  const first = Math.max(
    0,
    reaches.findIndex(({ from, to }) => widthOf(scale, to - from) > LEAST_REGION),
  );
  const foot = geometry.bandTop - 1;
  const shapes: Shape[] = reaches.flatMap((reach, i) => {
    const gap = tickGap(reach, i, window, geometry.ticksPerOctave, finer);
    const height = tickHeight(i, first, reaches.length, geometry.comb - 4);
    return regionShapes(reach, gap, height, foot, scale);
  });
  if (plan.sinks > 0 && position > 0 && scale.from === 0) {
    const x = px(xOf(scale, 0) + 0.5);
    shapes.push({ kind: 'path', d: `M${x} ${foot - LEAST_TICK - 3}V${foot}`, paint: 'm-tick' });
  }
  return shapes;
}

/** Full height at the needle, 5 px at the farthest region. */
function tickHeight(i: number, first: number, count: number, peak: number): number {
  const far = Math.max(0, i - first) / Math.max(1, count - first);
  return LEAST_TICK + (peak - LEAST_TICK) * Math.max(0, 1 - far) ** 1.7;
}

function regionShapes(
  reach: Reach,
  gap: number,
  height: number,
  foot: number,
  scale: Scale,
): readonly Shape[] {
  const apart = widthOf(scale, gap);
  if (apart < MERGED_UNDER) {
    const x0 = clampX(scale, xOf(scale, reach.from));
    const x1 = clampX(scale, xOf(scale, reach.to));
    if (x1 <= x0) return [];
    const opacity = Math.min(1, 0.35 + 0.65 / Math.max(1, apart));
    return [
      {
        kind: 'rect',
        x: px(x0),
        y: px(foot - height),
        width: px(x1 - x0),
        height: px(height),
        paint: 'm-near',
        opacity,
      },
    ];
  }
  let d = '';
  const nearest = Math.min(reach.to - gap, reach.to - gap * Math.ceil((reach.to - scale.to) / gap));
  const farthest = Math.max(reach.from - 1, scale.from);
  for (let token = nearest; token >= farthest; token -= gap)
    d += `M${px(xOf(scale, token))} ${px(foot - height)}V${foot}`;
  return d === '' ? [] : [{ kind: 'path', d, paint: 'm-tick' }];
}

/** Powers of two by which a zoomed map has more ticks: as many as the view is narrower than the whole. */
export function finerFor(scale: Scale, total: number): number {
  return 2 ** Math.max(0, Math.floor(Math.log2(total / Math.max(1, scale.to - scale.from))));
}

/** From the needle to the end of each region in view, nested on one right foot. */
export function arcShapes(
  position: number,
  plan: MapPlan,
  scale: Scale,
  geometry: Geometry,
  label: (stride: number) => string,
): readonly Shape[] {
  if (geometry.arcs === 0) return [];
  const x = xOf(scale, position);
  const ends = reachFrom(position, plan)
    .filter(({ end }) => end >= scale.from && x - xOf(scale, end) > LEAST_ARC)
    .reverse();
  const widest = Math.max(...ends.map(({ end }) => (x - xOf(scale, end)) / 2));
  const highest = geometry.arcs + geometry.comb - 12;
  const foot = geometry.bandTop - 1;
  const labels: Label[] = [];
  return ends.flatMap(({ end, stride }): Shape[] => {
    const left = xOf(scale, end);
    const rx = (x - left) / 2;
    const ry = highest * (rx / widest) ** ARC_EXPONENT;
    const arc: Shape = {
      kind: 'path',
      d: `M${px(x)} ${foot}A${px(rx)} ${px(ry)} 0 0 0 ${px(left)} ${foot}`,
      paint: 'm-arc',
      clip: true,
    };
    const text = label(stride);
    const wanted = { x: left + rx, y: px(foot - ry), width: text.length * 5.6 + 6 };
    // in the comb's ticks it could not be read
    if (rx < LABELLED_ARC || ry < geometry.comb || !fits(wanted, scale.width, labels)) return [arc];
    labels.push(wanted);
    return [arc, ...labelShapes(text, wanted)];
  });
}

interface Label {
  /** of its middle */
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

const LABEL_HEIGHT = 12;

function fits(label: Label, width: number, others: readonly Label[]): boolean {
  if (label.x < label.width / 2 || label.x > width - label.width / 2) return false;
  return others.every(
    (other) =>
      Math.abs(other.y - label.y) > LABEL_HEIGHT ||
      Math.abs(other.x - label.x) > (other.width + label.width) / 2,
  );
}

/** On the line, as on a contour map: a patch of ground behind it. */
function labelShapes(text: string, { x, y, width }: Label): readonly Shape[] {
  return [
    { kind: 'rect', x: px(x - width / 2), y: y - 6, width: px(width), height: LABEL_HEIGHT, paint: 'm-halo' },
    { kind: 'text', x: px(x), y: y + 4, text, anchor: 'middle', paint: 'm-r' },
  ];
}

/** There is one: the cursor of reading, or where the pointer is. */
export function needleShapes(position: number, scale: Scale, geometry: Geometry): readonly Shape[] {
  if (position < scale.from || position > scale.to) return [];
  const x = px(clampX(scale, xOf(scale, position)));
  const top = geometry.axis ? geometry.arcsTop + 2 : 1;
  const d = `M${x} ${top}V${geometry.bandFoot + (geometry.comb > 0 ? 2 : 0)}`;
  const shapes: Shape[] = [
    { kind: 'path', d, paint: 'm-needle m-under' },
    { kind: 'path', d, paint: 'm-needle' },
  ];
  if (geometry.comb > 0) shapes.push({ kind: 'path', d: `M${x - 4} ${top - 1}h8l-4 7z`, paint: 'm-head' });
  return shapes;
}
