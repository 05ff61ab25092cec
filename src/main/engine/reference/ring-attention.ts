/**
 * Attention over a compiled plan's rings: which entries each row sees, the rotations of keys and queries, and the
 * softmax over all of them. The specification of the native cache's `attend`.
 */
import type { CompiledPlan, RingLayout } from '../plan/types.ts';
import type { EntryRange } from '../plan/visibility.ts';
import { keyOf, positionOfDistance, visibleEntries } from '../plan/visibility.ts';
import type { AttentionPart } from './attention.ts';
import { attend } from './attention.ts';
import type { RingStore } from './ring-store.ts';
import type { RotationTable } from './rope.ts';
import { rotate, rotationTable, xposScaleBase } from './rope.ts';

/** What is the same in every layer of one kind within one forward call. */
export interface Chunk {
  readonly compiled: CompiledPlan;
  readonly softCap: number | null;
  readonly position: number;
  readonly rows: number;
  /** one for each ring of the compiled plan */
  readonly rings: readonly ChunkRing[];
}

interface ChunkRing {
  readonly layout: RingLayout;
  /** entries that each row sees */
  readonly visible: readonly EntryRange[];
  /** entries that any row sees */
  readonly union: EntryRange;
  /** of the entries of `union` */
  readonly keyRotation: RotationTable;
  /** of the rows */
  readonly queryRotation: RotationTable;
}

/** Keys that one query attended to, by ring stride. */
export interface Reach {
  readonly exact: number;
  readonly sparse: number;
}

/** @param softCap c of score = c tanh(score / c), or null */
export function prepareChunk(
  compiled: CompiledPlan,
  inverseFrequencies: Float64Array,
  position: number,
  rows: number,
  softCap: number | null = null,
): Chunk {
  const rings = compiled.rings.map((layout): ChunkRing => {
    const visible = Array.from({ length: rows }, (_, row) =>
      visibleEntries(layout, compiled.sinkCount, position + row),
    );
    const union = unionOf(visible);
    const keys = Float64Array.from({ length: union.end - union.first }, (_, i) =>
      keyOf(layout, union.first + i),
    );
    const queries = Float64Array.from({ length: rows }, (_, row) => position + row);
    return {
      layout,
      visible,
      union,
      keyRotation: rotationTable(
        keys.map((key) => layout.slope * key),
        inverseFrequencies,
        xposExponents(compiled, layout, keys, -1),
      ),
      queryRotation: rotationTable(
        queries.map((query) => queryPosition(compiled, layout, query)),
        inverseFrequencies,
        xposExponents(compiled, layout, queries, 1),
      ),
    };
  });
  return { compiled, softCap, position, rows, rings };
}

function unionOf(ranges: readonly EntryRange[]): EntryRange {
  const seen = ranges.filter(({ first, end }) => end > first);
  if (seen.length === 0) return { first: 0, end: 0 };
  return {
    first: Math.min(...seen.map(({ first }) => first)),
    end: Math.max(...seen.map(({ end }) => end)),
  };
}

/** Where a query stands for this ring's keys at slope * k; sinks stand at k itself, the query at f(p). */
function queryPosition(compiled: CompiledPlan, layout: RingLayout, query: number): number {
  if (layout.kind === 'sinks') return positionOfDistance(compiled.distanceMap, query);
  return layout.slope * query + layout.intercept;
}

/**
 * XPOS: e(t), negated for keys. Only the difference between query and key counts, so t is taken within the segment:
 * absolute (no dependence on chunks) and small enough for zeta^e.
 */
function xposExponents(
  compiled: CompiledPlan,
  layout: RingLayout,
  positions: Float64Array,
  sign: 1 | -1,
): Float64Array | undefined {
  if (compiled.plan.positions !== 'xpos') return undefined;
  return positions.map((position) => (sign * (position % layout.align)) / xposScaleBase);
}

/**
 * One layer: the rows' queries over what the rings hold (the new keys have been taken in already).
 * @param stores one for each ring
 * @param q f32 [rows][heads * headDim], unrotated
 * @param out f32 [rows][heads * headDim], overwritten
 * @returns keys that query head 0 attended to in the last row
 */
export function ringAttention(
  chunk: Chunk,
  stores: readonly RingStore[],
  q: Float32Array,
  out: Float32Array,
): Reach {
  const { heads, headDim } = chunk.compiled.geometry;
  const rotated = chunk.rings.map((ring, i) => rotateRing(chunk, ring, stores[i], q));
  let reach: Reach = { exact: 0, sparse: 0 };
  for (let head = 0; head < heads; head++) {
    const serving = rotated.filter(
      ({ layout }) => head >= layout.firstHead && head < layout.firstHead + layout.headCount,
    );
    for (let row = 0; row < chunk.rows; row++) {
      const seen = serving.filter(({ visible }) => visible[row].end > visible[row].first);
      const parts = seen.map((ring) => partOf(ring, head, row, headDim));
      attend(parts, headDim, out, (row * heads + head) * headDim, chunk.softCap);
      if (head === 0 && row === chunk.rows - 1) reach = countReach(seen, parts);
    }
  }
  return reach;
}

interface RotatedRing extends ChunkRing {
  readonly store: RingStore;
  /** f64 [entries of union][headDim] */
  readonly keys: Float64Array;
  /** f64 [rows][headCount][headDim] */
  readonly queries: Float64Array;
}

function rotateRing(chunk: Chunk, ring: ChunkRing, store: RingStore, q: Float32Array): RotatedRing {
  const { heads, headDim } = chunk.compiled.geometry;
  const { layout, union, keyRotation, queryRotation } = ring;
  const keys = new Float64Array((union.end - union.first) * headDim);
  for (let entry = union.first; entry < union.end; entry++) {
    const n = entry - union.first;
    rotate(store.keys, store.slot(entry) * headDim, headDim, keyRotation, n, keys, n * headDim);
  }
  const queries = new Float64Array(chunk.rows * layout.headCount * headDim);
  for (let row = 0; row < chunk.rows; row++) {
    for (let h = 0; h < layout.headCount; h++) {
      const source = (row * heads + layout.firstHead + h) * headDim;
      rotate(q, source, headDim, queryRotation, row, queries, (row * layout.headCount + h) * headDim);
    }
  }
  return { ...ring, store, keys, queries };
}

function partOf(ring: RotatedRing, head: number, row: number, headDim: number): AttentionPart {
  const { layout, visible, union, store } = ring;
  const { first, end } = visible[row];
  return {
    query: ring.queries,
    queryStart: (row * layout.headCount + head - layout.firstHead) * headDim,
    keys: ring.keys,
    keyStart: (first - union.first) * headDim,
    values: store.values,
    firstSlot: store.slot(first),
    capacity: store.capacity,
    count: end - first,
  };
}

function countReach(rings: readonly RotatedRing[], parts: readonly AttentionPart[]): Reach {
  let exact = 0;
  let sparse = 0;
  for (const [i, { count }] of parts.entries()) {
    if (rings[i].layout.stride === 1) exact += count;
    else sparse += count;
  }
  return { exact, sparse };
}
