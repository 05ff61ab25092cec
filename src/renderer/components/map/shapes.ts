/** What is drawn: plain shapes with a style's name. SVG and canvas both draw them, so the rules exist once. */

/** Names of classes in map.css; several, separated by blanks. */
type Paint = string;

export type Shape =
  | {
      readonly kind: 'rect';
      readonly x: number;
      readonly y: number;
      readonly width: number;
      readonly height: number;
      readonly paint: Paint;
      readonly opacity?: number;
      readonly radius?: number;
    }
  /** `clip`: only above the band and within the map's width */
  | { readonly kind: 'path'; readonly d: string; readonly paint: Paint; readonly clip?: boolean }
  | {
      readonly kind: 'text';
      readonly x: number;
      readonly y: number;
      readonly text: string;
      readonly anchor: 'start' | 'middle' | 'end';
      readonly paint: Paint;
    };

export type MapSize = 'thin' | 'compact' | 'large';

/** Heights in px, from the top; the rest follows. */
export interface Geometry {
  readonly arcsTop: number;
  readonly combTop: number;
  readonly bandTop: number;
  readonly bandFoot: number;
  readonly marksTop: number;
  readonly height: number;
  readonly band: number;
  readonly comb: number;
  readonly arcs: number;
  readonly names: boolean;
  readonly axis: boolean;
  readonly ticksPerOctave: number;
}

const HEIGHTS = {
  thin: { axis: 0, arcs: 0, comb: 0, band: 7, names: 0, marks: 0, ticks: 0 },
  compact: { axis: 0, arcs: 0, comb: 24, band: 10, names: 0, marks: 15, ticks: 8 },
  large: { axis: 18, arcs: 62, comb: 44, band: 26, names: 18, marks: 17, ticks: 16 },
} as const;

/** px above the band where no position attends to anything: room for triangles and the needle's head */
const BARE_COMB = 8;

/**
 * @param thinBand px of a thin map's band: 4 in the sidebar, 7 elsewhere
 * @param attends false: nothing was read, so there are neither arcs nor ticks to make room for
 */
export function geometryOf(size: MapSize, thinBand = 7, attends = true): Geometry {
  const full = HEIGHTS[size];
  const heights = attends || size === 'thin' ? full : { ...full, arcs: 0, comb: BARE_COMB };
  const band = size === 'thin' ? thinBand : heights.band;
  const combTop = heights.axis + heights.arcs;
  const bandTop = combTop + heights.comb;
  const bandFoot = bandTop + band;
  return {
    arcsTop: heights.axis,
    combTop,
    bandTop,
    bandFoot,
    marksTop: bandFoot + heights.names,
    height: bandFoot + heights.names + heights.marks,
    band,
    comb: heights.comb,
    arcs: heights.arcs,
    names: heights.names > 0,
    axis: heights.axis > 0,
    ticksPerOctave: heights.ticks,
  };
}

/** Enough for px, and short. */
export function px(value: number): number {
  return Math.round(value * 100) / 100;
}
