/**
 * What one colour of the band stands for: a document, or a folder where documents would be too narrow to see. The
 * choice is made for the whole library at one nominal width, not for the map at hand, so that a document has the same
 * colour in every map, in the tree and in lists, zoomed or not.
 */
import type { MapDocument } from '../../../shared/rpc/index.ts';

export interface Unit {
  readonly path: string;
  readonly start: number;
  readonly end: number;
  /** documents in it */
  readonly count: number;
}

const NOMINAL_WIDTH = 960;
/** px under which a unit counts as narrow, and how many such there may be */
const NARROW = 6;
const NARROW_ALLOWED = 24;
const COLOURS = 8;

/** In reading order. @param total tokens of the library */
export function unitsOf(documents: readonly MapDocument[], total: number): readonly Unit[] {
  const deepest = documents.reduce((depth, { path }) => Math.max(depth, folderDepth(path)), 0);
  let units = documents.map(unitOf);
  for (let level = deepest; level >= 0 && tooNarrow(units, total); level--) {
    const coarser = grouped(documents, level);
    // A band of one colour tells nothing: rather many narrow ones.
    if (coarser.length < 2) break;
    units = coarser;
  }
  return units;
}

function tooNarrow(units: readonly Unit[], total: number): boolean {
  const narrow = (NARROW / NOMINAL_WIDTH) * total;
  return units.filter(({ start, end }) => end - start < narrow).length > NARROW_ALLOWED;
}

/** Neighbours in the same folder `level` names deep become one; at level 0, those that lie in no folder too. */
function grouped(documents: readonly MapDocument[], level: number): Unit[] {
  const units: Unit[] = [];
  for (const document of documents) {
    const path = folderAt(document.path, Math.max(1, level)) ?? (level === 0 ? '' : document.path);
    const last = units.at(-1);
    if (last?.path === path)
      units[units.length - 1] = { ...last, end: document.start + document.tokens, count: last.count + 1 };
    else units.push({ ...unitOf(document), path });
  }
  return units;
}

function unitOf({ path, start, tokens }: MapDocument): Unit {
  return { path, start, end: start + tokens, count: 1 };
}

function folderDepth(path: string): number {
  return path.split('/').length - 1;
}

function folderAt(path: string, level: number): string | null {
  const names = path.split('/');
  return names.length > level ? names.slice(0, level).join('/') : null;
}

/** Index of the unit that holds `token`, by bisection; the nearest one before it where none does. */
export function unitIndexAt(units: readonly { readonly start: number }[], token: number): number {
  let low = 0;
  let high = units.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((units[middle]?.start ?? Infinity) <= token) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** 1..8: the custom property `--doc-N`. Neighbours always differ. */
export function colourOf(unitIndex: number): number {
  return (unitIndex % COLOURS) + 1;
}
