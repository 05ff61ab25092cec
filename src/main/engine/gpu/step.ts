/**
 * What the kernels are told about one chunk, the same for all layers: which entries enter which ring from where,
 * which entries each row sees, and the rotations of both. Computed from the plan's rings by the rules of
 * plan/visibility.ts; angles in double precision.
 */
import type { AttentionUnits } from './attention-units.ts';
import { attentionUnits } from './attention-units.ts';
import { xposScaleBase, xposZeta } from '../reference/rope.ts';
import type { CompiledPlan, RingLayout } from '../plan/types.ts';
import type { EntryRange } from '../plan/visibility.ts';
import { enteringEntries, keyOf, positionOfDistance, visibleEntries } from '../plan/visibility.ts';
import { enteringByOrigin, type Stretch } from './sharding/stretch.ts';
import type { TurnTables } from './turn-tables.ts';

/** Where the rings of one layer lie: entry m of ring i in slot base_i + m mod capacity_i. */
export interface RingSlots {
  readonly bases: readonly number[];
  readonly capacities: readonly number[];
  /** of all rings together */
  readonly total: number;
}

/** What rotations are made of. */
export interface StepTables {
  readonly turns: TurnTables;
  /** f32 [headDim]: what queries are multiplied by, in their rotations; or null */
  readonly queryScales: Float32Array | null;
}

export interface ChunkStep {
  /** u32 [copies][slot, source or `newToken`, row, kvHead]: struct Copy of cache-write.wgsl */
  readonly copies: Uint32Array<ArrayBuffer>;
  /** the first of `copies`, which this device writes: the others' keys and values come from other devices */
  readonly writes: number;
  /** f32 [copies][pairs][cos, sin] */
  readonly entering: Float32Array<ArrayBuffer>;
  /** u32 [rows][rings][first, end) */
  readonly visible: Uint32Array<ArrayBuffer>;
  /** f32 [rows][turn classes][pairs][cos, sin] */
  readonly queryTurns: Float32Array<ArrayBuffer>;
  readonly attention: AttentionUnits;
  /** keys that query head 0 sees in the last row of the round */
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

/** @param position of the first token of the round that `stretch` is part of */
export function prepareStep(
  compiled: CompiledPlan,
  slots: RingSlots,
  tables: StepTables,
  position: number,
  stretch: Stretch,
): ChunkStep {
  const own = position + stretch.first;
  const visible = visibleRanges(compiled, own, stretch.rows);
  const { handedOver, own: made, before, after } = enteringByOrigin(compiled, position, stretch);
  const origins = [handedOver, made, before, after];
  return {
    copies: copyList(compiled, slots, origins, position, stretch),
    writes: entryCount(handedOver) + entryCount(made),
    entering: keyTurns(compiled, origins, tables.turns),
    visible,
    attention: attentionUnits(compiled, visible),
    queryTurns: queryTurns(compiled, visible, tables, own, stretch.rows),
    reach: reachOf(compiled, position + stretch.total - 1),
  };
}

/**
 * Copies run in parallel. So an entry that enters several rings in one chunk is taken from the new token by each,
 * and one that is handed over is read from a slot that this chunk doesn't write: rings have room for a chunk beyond
 * what is seen (`ringCapacity`).
 */
function copyList(
  { rings, sinkCount }: CompiledPlan,
  slots: RingSlots,
  origins: readonly (readonly EntryRange[])[],
  position: number,
  { first, total }: Stretch,
): Uint32Array<ArrayBuffer> {
  const entering = rings.map((ring) => enteringEntries(ring, sinkCount, position, total));
  const words: number[] = [];
  for (const ranges of origins) {
    for (const [i, ring] of rings.entries()) {
      for (let entry = ranges[i].first; entry < ranges[i].end; entry++) {
        const key = keyOf(ring, entry);
        const source = heldSource(rings, entering, ring, key);
        words.push(
          slotOf(slots, i, entry),
          source === null ? newToken : slotOf(slots, source.ring, source.entry),
          // of no meaning where another device makes the entry
          source === null ? key - position - first : 0,
          ring.kvHead,
        );
      }
    }
  }
  return Uint32Array.from(words);
}

function entryCount(ranges: readonly EntryRange[]): number {
  return ranges.reduce((sum, { first, end }) => sum + end - first, 0);
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

/** Rotations of the keys of lists of ranges (one for each ring), in order: f32 [entries][pairs][cos, sin]. */
export function keyTurns(
  compiled: CompiledPlan,
  lists: readonly (readonly EntryRange[])[],
  tables: TurnTables,
): Float32Array<ArrayBuffer> {
  const count = lists.reduce((sum, ranges) => sum + entryCount(ranges), 0);
  const numbers = compiled.geometry.headDim;
  const isXpos = compiled.plan.positions === 'xpos';
  const turns = new Float32Array(count * numbers);
  let at = 0;
  for (const ranges of lists) {
    for (const [i, ring] of compiled.rings.entries()) {
      if (ranges[i].end <= ranges[i].first) continue;
      const line = tables.line(ring.slope, 0);
      for (let entry = ranges[i].first; entry < ranges[i].end; entry++, at += numbers) {
        line.put(turns, at, keyOf(ring, entry));
        if (isXpos) scaleByXpos(ring, turns.subarray(at, at + numbers), keyOf(ring, entry), -1);
      }
    }
  }
  return turns;
}

function queryTurns(
  compiled: CompiledPlan,
  visible: Uint32Array,
  { turns: tables, queryScales }: StepTables,
  position: number,
  rows: number,
): Float32Array<ArrayBuffer> {
  const { first: classes, ofRing } = turnClasses(compiled);
  const used = new Set(ofRing.filter((_, ring) => isSeen(visible, compiled.rings.length, ring)));
  const numbers = compiled.geometry.headDim;
  const isXpos = compiled.plan.positions === 'xpos';
  const turns = new Float32Array(rows * classes.length * numbers);
  for (const index of used) {
    const ring = classes[index];
    const line = tables.line(ring.slope, ring.intercept);
    for (let row = 0; row < rows; row++) {
      const query = position + row;
      const at = (row * classes.length + index) * numbers;
      // sinks stand where they are; the query's place among them is no line
      if (ring.kind === 'sinks') tables.putPlace(turns, at, positionOfDistance(compiled.distanceMap, query));
      else line.put(turns, at, query);
      if (isXpos) scaleByXpos(ring, turns.subarray(at, at + numbers), query, 1);
      if (queryScales !== null) for (let i = 0; i < numbers; i++) turns[at + i] *= queryScales[i];
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

/** As the reference: e(t) within the segment, negated for keys. @param turns [pairs][cos, sin] */
function scaleByXpos(ring: RingLayout, turns: Float32Array, position: number, sign: 1 | -1): void {
  const exponent = (sign * (position % ring.align)) / xposScaleBase;
  for (let i = 0; i < turns.length; i++) turns[i] *= xposZeta(i >> 1, turns.length / 2) ** exponent;
}

/** u32 [rows][rings][first, end): the entries that each row sees. */
export function visibleRanges(
  compiled: CompiledPlan,
  position: number,
  rows: number,
): Uint32Array<ArrayBuffer> {
  const { rings, sinkCount } = compiled;
  const ranges = new Uint32Array(rows * rings.length * 2);
  for (let row = 0; row < rows; row++) {
    for (const [i, ring] of rings.entries()) {
      if (ring.lo > position + row) continue;
      const { first, end } = visibleEntries(ring, sinkCount, position + row);
      if (end > first) ranges.set([first, end], (row * rings.length + i) * 2);
    }
  }
  return ranges;
}

function reachOf(compiled: CompiledPlan, position: number): ChunkStep['reach'] {
  const visible = visibleRanges(compiled, position, 1);
  let exact = 0;
  let sparse = 0;
  for (const [i, ring] of compiled.rings.entries()) {
    if (ring.firstHead > 0) continue;
    const keys = visible[2 * i + 1] - visible[2 * i];
    if (ring.stride === 1) exact += keys;
    else sparse += keys;
  }
  return { exact, sparse };
}

/** @returns the copies that a step has */
export function copyCount(step: ChunkStep): number {
  return step.copies.length / wordsPerCopy;
}
