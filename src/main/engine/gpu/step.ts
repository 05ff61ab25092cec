/**
 * What the kernels are told about one chunk, the same for all layers: which entries enter which ring from where,
 * which entries each row sees, and the rotations of both. Computed from the plan's rings by the rules of
 * plan/visibility.ts; angles in double precision.
 */
import { rotationTable, xposScaleBase } from '../reference/rope.ts';
import type { CompiledPlan, RingLayout } from '../plan/types.ts';
import type { EntryRange } from '../plan/visibility.ts';
import { enteringEntries, keyOf, positionOfDistance, visibleEntries } from '../plan/visibility.ts';

/** Where the rings of one layer lie: entry m of ring i in slot base_i + m mod capacity_i. */
export interface RingSlots {
  readonly bases: readonly number[];
  readonly capacities: readonly number[];
  /** of all rings together */
  readonly total: number;
}

export interface ChunkStep {
  /** u32 [copies][slot, source or `newToken`, row, kvHead]: struct Copy of cache-write.wgsl */
  readonly copies: Uint32Array<ArrayBuffer>;
  /** f32 [copies][pairs][cos, sin] */
  readonly entering: Float32Array<ArrayBuffer>;
  /** u32 [rows][rings][first, end) */
  readonly visible: Uint32Array<ArrayBuffer>;
  /** f32 [rows][turn classes][pairs][cos, sin] */
  readonly queryTurns: Float32Array<ArrayBuffer>;
  /** keys that query head 0 sees in the last row */
  readonly reach: { readonly exact: number; readonly sparse: number };
}

const newToken = 0xffffffff;
const wordsPerCopy = 4;

/** Rings whose queries are rotated alike share a class. @returns the class of each ring, and one ring of each class */
export function turnClasses(compiled: CompiledPlan): {
  readonly ofRing: readonly number[];
  readonly first: readonly RingLayout[];
} {
  const known = new Map<string, number>();
  const first: RingLayout[] = [];
  const ofRing = compiled.rings.map((ring) => {
    const key = [ring.kind === 'sinks', ring.slope, ring.intercept, ring.align].join(' ');
    const index = known.get(key) ?? first.push(ring) - 1;
    known.set(key, index);
    return index;
  });
  return { ofRing, first };
}

/** Entries below this end must have a slot, per ring, before `rows` tokens are appended to `position`. */
export function requiredEnds(compiled: CompiledPlan, position: number, rows: number): readonly number[] {
  return compiled.rings.map((ring) => {
    const { first, end } = enteringEntries(ring, compiled.sinkCount, position, rows);
    return end > first ? end : 0;
  });
}

export function prepareStep(
  compiled: CompiledPlan,
  slots: RingSlots,
  frequencies: Float64Array,
  position: number,
  rows: number,
): ChunkStep {
  const { rings, sinkCount } = compiled;
  const entering = rings.map((ring) => enteringEntries(ring, sinkCount, position, rows));
  const visible = visibleRanges(compiled, position, rows);
  return {
    copies: copyList(compiled, slots, entering, position),
    entering: keyTurns(compiled, entering, frequencies),
    visible,
    queryTurns: queryTurns(compiled, visible, frequencies, position, rows),
    reach: reachOfLastRow(compiled, visible, rows),
  };
}

/**
 * Copies run in parallel. So an entry that enters several rings in one chunk is taken from the new token by each,
 * and one that is handed over is read from a slot that this chunk doesn't write: rings have room for a chunk beyond
 * what is seen (`ringCapacity`).
 */
function copyList(
  { rings }: CompiledPlan,
  slots: RingSlots,
  entering: readonly EntryRange[],
  position: number,
): Uint32Array<ArrayBuffer> {
  const words: number[] = [];
  for (const [i, ring] of rings.entries()) {
    for (let entry = entering[i].first; entry < entering[i].end; entry++) {
      const key = keyOf(ring, entry);
      const source = heldSource(rings, entering, ring, key);
      words.push(
        slotOf(slots, i, entry),
        source === null ? newToken : slotOf(slots, source.ring, source.entry),
        source === null ? key - position : 0,
        ring.kvHead,
      );
    }
  }
  return Uint32Array.from(words);
}

/** The nearest ring before `ring` that held the key before this chunk; null: it is one of the chunk's own. */
function heldSource(
  rings: readonly RingLayout[],
  entering: readonly EntryRange[],
  ring: RingLayout,
  key: number,
): { ring: number; entry: number } | null {
  for (let index = ring.source; index >= 0; index = rings[index].source) {
    const entry = (key - rings[index].residue) / rings[index].stride;
    if (entry < entering[index].first) return { ring: index, entry };
  }
  return null;
}

function slotOf({ bases, capacities }: RingSlots, ring: number, entry: number): number {
  return bases[ring] + (entry % capacities[ring]);
}

/** Rotations of the keys of `ranges` (one for each ring), in order: f32 [entries][pairs][cos, sin]. */
export function keyTurns(
  compiled: CompiledPlan,
  ranges: readonly EntryRange[],
  frequencies: Float64Array,
): Float32Array<ArrayBuffer> {
  const count = ranges.reduce((sum, { first, end }) => sum + end - first, 0);
  const turns = new Float32Array(count * frequencies.length * 2);
  let at = 0;
  for (const [i, ring] of compiled.rings.entries()) {
    const { first, end } = ranges[i];
    const keys = Float64Array.from({ length: end - first }, (_, j) => keyOf(ring, first + j));
    const positions = keys.map((key) => ring.slope * key);
    at = putTurns(turns, at, positions, frequencies, xposExponents(compiled, ring, keys, -1));
  }
  return turns;
}

function queryTurns(
  compiled: CompiledPlan,
  visible: Uint32Array,
  frequencies: Float64Array,
  position: number,
  rows: number,
): Float32Array<ArrayBuffer> {
  const { first: classes, ofRing } = turnClasses(compiled);
  const used = new Set(ofRing.filter((_, ring) => isSeen(visible, compiled.rings.length, ring)));
  const turns = new Float32Array(rows * classes.length * frequencies.length * 2);
  for (let row = 0; row < rows; row++) {
    for (const index of used) {
      const ring = classes[index];
      const query = Float64Array.of(position + row);
      const place =
        ring.kind === 'sinks'
          ? positionOfDistance(compiled.distanceMap, query[0])
          : ring.slope * query[0] + ring.intercept;
      const at = (row * classes.length + index) * frequencies.length * 2;
      putTurns(turns, at, Float64Array.of(place), frequencies, xposExponents(compiled, ring, query, 1));
    }
  }
  return turns;
}

function isSeen(visible: Uint32Array, rings: number, ring: number): boolean {
  for (let at = 2 * ring; at < visible.length; at += 2 * rings) {
    if (visible[at + 1] > visible[at]) return true;
  }
  return false;
}

/** @returns where the next ones go */
function putTurns(
  turns: Float32Array,
  at: number,
  positions: Float64Array,
  frequencies: Float64Array,
  exponents: Float64Array | undefined,
): number {
  const { cos, sin } = rotationTable(positions, frequencies, exponents);
  for (let i = 0; i < cos.length; i++) {
    turns[at + 2 * i] = cos[i];
    turns[at + 2 * i + 1] = sin[i];
  }
  return at + 2 * cos.length;
}

/** As the reference: e(t) within the segment, negated for keys. */
function xposExponents(
  compiled: CompiledPlan,
  ring: RingLayout,
  positions: Float64Array,
  sign: 1 | -1,
): Float64Array | undefined {
  if (compiled.plan.positions !== 'xpos') return undefined;
  return positions.map((position) => (sign * (position % ring.align)) / xposScaleBase);
}

function visibleRanges(compiled: CompiledPlan, position: number, rows: number): Uint32Array<ArrayBuffer> {
  const { rings, sinkCount } = compiled;
  const ranges = new Uint32Array(rows * rings.length * 2);
  for (let row = 0; row < rows; row++) {
    for (const [i, ring] of rings.entries()) {
      const { first, end } = visibleEntries(ring, sinkCount, position + row);
      if (end > first) ranges.set([first, end], (row * rings.length + i) * 2);
    }
  }
  return ranges;
}

function reachOfLastRow({ rings }: CompiledPlan, visible: Uint32Array, rows: number): ChunkStep['reach'] {
  let exact = 0;
  let sparse = 0;
  for (const [i, ring] of rings.entries()) {
    if (ring.firstHead > 0) continue;
    const at = ((rows - 1) * rings.length + i) * 2;
    if (ring.stride === 1) exact += visible[at + 1] - visible[at];
    else sparse += visible[at + 1] - visible[at];
  }
  return { exact, sparse };
}

/** @returns the copies that a step has */
export function copyCount(step: ChunkStep): number {
  return step.copies.length / wordsPerCopy;
}
