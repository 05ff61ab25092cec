/** Passages on the band, and their numbers below it. */
import { type Scale, xOf } from './scale.ts';
import { type Geometry, type Shape, px } from './shapes.ts';

export interface MapMark {
  /** token in the library */
  readonly at: number;
  /** as the answer shows it: 4, or a letter for what attention alone points at */
  readonly number: number | string;
  /** 'quoted': verified word for word; 'attention': without a quote, drawn dashed */
  readonly kind: 'quoted' | 'attention';
}

interface Group {
  x: number;
  readonly numbers: (number | string)[];
}

/** Numbers nearer than this join: "3–4". */
const JOINED_UNDER = 13;

/** @param open the number of the passage that is open */
export function markShapes(
  marks: readonly MapMark[],
  open: number | string | null,
  scale: Scale,
  geometry: Geometry,
): readonly Shape[] {
  if (geometry.comb === 0) return [];
  const shown = marks.filter(({ at }) => at >= scale.from && at <= scale.to).sort((a, b) => a.at - b.at);
  const lines = shown.flatMap(({ at, kind }): Shape[] => {
    const d = `M${px(xOf(scale, at))} ${geometry.bandTop - 2}V${geometry.bandFoot + 4}`;
    return [
      { kind: 'path', d, paint: 'm-mark m-under' },
      { kind: 'path', d, paint: kind === 'attention' ? 'm-mark att' : 'm-mark' },
    ];
  });
  return [...lines, ...groupsOf(shown, scale).flatMap((group) => numberShapes(group, open, scale, geometry))];
}

/** Neighbours whose numbers would touch, from left to right. */
export function groupsOf(marks: readonly MapMark[], scale: Scale): readonly Group[] {
  const groups: Group[] = [];
  let last = -Infinity;
  for (const { at, number } of marks) {
    const x = xOf(scale, at);
    const group = groups.at(-1);
    if (group !== undefined && x - last < JOINED_UNDER) group.numbers.push(number);
    else groups.push({ x, numbers: [number] });
    last = x;
  }
  return groups;
}

/** "4", "3–4" for neighbours in number, "1, 7" for two others, and for more the first and the last. */
export function groupLabel(numbers: readonly (number | string)[]): string {
  const sorted = [...new Set(numbers)].sort((a, b) => (a < b ? -1 : 1));
  const [first] = sorted;
  const last = sorted.at(-1);
  if (sorted.length < 2) return String(first ?? '');
  const consecutive =
    typeof first === 'number' && typeof last === 'number' && last - first === sorted.length - 1;
  return consecutive || sorted.length > 2 ? `${first}–${last}` : sorted.join(', ');
}

function numberShapes(
  group: Group,
  open: number | string | null,
  scale: Scale,
  geometry: Geometry,
): readonly Shape[] {
  const text = groupLabel(group.numbers);
  const width = text.length * 6.4 + 6;
  const x = px(Math.max(width / 2, Math.min(scale.width - width / 2, group.x)));
  const y = geometry.marksTop + 5;
  const on = open !== null && group.numbers.includes(open);
  const number: Shape = { kind: 'text', x, y: y + 9, text, anchor: 'middle', paint: on ? 'm-n on' : 'm-n' };
  if (!on) return [number];
  return [
    { kind: 'rect', x: px(x - width / 2), y: y - 1, width: px(width), height: 12, radius: 2, paint: 'm-on' },
    number,
  ];
}
