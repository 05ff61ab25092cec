/**
 * For the tests of the native addon: plans compiled by hand, random rows, and an attention reference written straight
 * from the rules of RingLayout: for every query the multiset of visible keys, one softmax in f64.
 */
import type { CompiledPlan, DistanceSegment, RingLayout } from '../src/main/engine/plan/types.ts';
import type { NativeCache, NativeCacheSpec } from './index.ts';

export interface Geometry {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/** Deterministic noise, uniform in [-1, 1) (mulberry32). */
export function noise(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2147483648 - 1;
  };
}

/** q | k | v rows, f32 [rows][(heads + 2 kvHeads) headDim]; queries are larger so that the softmax is not flat. */
export function randomRows(geometry: Geometry, rows: number, seed: number): Float32Array {
  const next = noise(seed);
  const width = (geometry.heads + 2 * geometry.kvHeads) * geometry.headDim;
  return Float32Array.from({ length: rows * width }, (_, i) =>
    Math.fround(next() * (i % width < geometry.heads * geometry.headDim ? 3 : 1.5)),
  );
}

function compiled(
  geometry: Geometry,
  rings: readonly RingLayout[],
  distanceMap: readonly DistanceSegment[],
  sinkCount: number,
  name: string,
): CompiledPlan {
  return {
    plan: { name, alignment: 'sliding', mixing: 'once', positions: 'rope', sinks: sinkCount },
    geometry: { ...geometry, trainedLength: 64 },
    rings,
    distanceMap,
    sinkCount,
  };
}

const ring: Omit<RingLayout, 'kind' | 'kvHead' | 'firstHead' | 'headCount'> = {
  stride: 1,
  residue: 0,
  lo: 0,
  hi: Infinity,
  align: 0,
  sparseQueries: false,
  denseUpTo: 0,
  source: -1,
  slope: 1,
  intercept: 0,
};

function perKvHead<T>(
  geometry: Geometry,
  make: (kvHead: number, firstHead: number, group: number) => T[],
): T[] {
  const group = geometry.heads / geometry.kvHeads;
  return Array.from({ length: geometry.kvHeads }, (_, g) => make(g, g * group, group)).flat();
}

/** Every key, one endless ring per KV head. */
export function densePlan(geometry: Geometry): CompiledPlan {
  const rings = perKvHead<RingLayout>(geometry, (kvHead, firstHead, headCount) => [
    { ...ring, kind: 'sliding', kvHead, firstHead, headCount },
  ]);
  return compiled(geometry, rings, [{ from: 0, base: 0, slope: 1 }], 0, 'dense');
}

/** Sinks, an exact window W and bands with strides 2^e, keys handed from ring to ring (design section 3, adapted). */
export function bandedPlan(
  geometry: Geometry,
  window: number,
  exponents: readonly number[],
  options: { sinks?: number; denseUpTo?: number } = {},
): CompiledPlan {
  const sinks = options.sinks ?? 4;
  const distanceMap: DistanceSegment[] = [{ from: 0, base: 0, slope: 1 }];
  let base = window;
  let span = window / 2;
  exponents.forEach((_, i) => {
    const lo = window * 2 ** i;
    distanceMap.push({ from: lo, base, slope: span / lo });
    base += span;
    span *= 0.83;
  });
  distanceMap.push({ from: window * 2 ** exponents.length, base, slope: 0 });
  const rings: RingLayout[] = [];
  for (let kvHead = 0; kvHead < geometry.kvHeads; kvHead++) {
    const headCount = geometry.heads / geometry.kvHeads;
    const owner = { kvHead, firstHead: kvHead * headCount, headCount };
    const residue = Math.round((kvHead * window) / geometry.kvHeads);
    if (sinks > 0) rings.push({ ...ring, ...owner, kind: 'sinks', hi: sinks });
    rings.push({ ...ring, ...owner, kind: 'sliding', hi: window, denseUpTo: options.denseUpTo ?? 0 });
    exponents.forEach((exponent, i) => {
      const segment = distanceMap[i + 1] as DistanceSegment;
      const stride = 2 ** exponent;
      rings.push({
        ...ring,
        ...owner,
        kind: 'sliding',
        stride,
        residue: residue % stride,
        lo: window * 2 ** i,
        hi: window * 2 ** (i + 1),
        denseUpTo: options.denseUpTo ?? 0,
        source: rings.length - 1,
        slope: segment.slope,
        intercept: segment.base - segment.slope * segment.from,
      });
    });
  }
  return compiled(geometry, rings, distanceMap, sinks, 'banded');
}

/** LongNet: aligned segments, sparse queries, a key counts once per pattern; offset h mod r per query head. */
export function alignedPlan(
  geometry: Geometry,
  patterns: readonly (readonly [number, number])[],
): CompiledPlan {
  const rings = perKvHead<RingLayout>(geometry, (kvHead, firstHead, group) =>
    patterns.flatMap(([align, stride]) =>
      Array.from({ length: group }, (_, i) => ({
        ...ring,
        kind: 'aligned' as const,
        kvHead,
        firstHead: firstHead + i,
        headCount: 1,
        stride,
        residue: (firstHead + i) % stride,
        hi: align,
        align,
        sparseQueries: true,
      })),
    ),
  );
  return compiled(geometry, rings, [{ from: 0, base: 0, slope: 1 }], 0, 'aligned');
}

/** RoPE frequencies of base 10000. */
export function frequencies(headDim: number): Float64Array {
  return Float64Array.from({ length: headDim / 2 }, (_, i) => 10000 ** ((-2 * i) / headDim));
}

export function cacheSpec(plan: CompiledPlan, options: Partial<NativeCacheSpec> = {}): NativeCacheSpec {
  return {
    compiled: plan,
    layers: 1,
    maxRows: 64,
    storage: 'bf16',
    inverseFrequencies: frequencies(plan.geometry.headDim),
    xpos: null,
    ...options,
  };
}

/** Runs rows through one layer of a cache in chunks of the given sizes (the last is repeated). */
export function feed(
  cache: NativeCache,
  geometry: Geometry,
  rows: Float32Array,
  chunks: readonly number[],
  layer = 0,
) {
  const width = (geometry.heads + 2 * geometry.kvHeads) * geometry.headDim;
  const outWidth = geometry.heads * geometry.headDim;
  const count = rows.length / width;
  const out = new Float32Array(count * outWidth);
  for (let at = 0, i = 0; at < count; i++) {
    const size = Math.min(chunks[Math.min(i, chunks.length - 1)] as number, count - at);
    cache.begin(size);
    cache.attend(
      layer,
      rows.subarray(at * width, (at + size) * width),
      out.subarray(at * outWidth, (at + size) * outWidth),
    );
    cache.commit();
    at += size;
  }
  return out;
}

function mapDistance(map: readonly DistanceSegment[], distance: number): number {
  const segment = map.findLast((entry) => entry.from <= distance) as DistanceSegment;
  return segment.base + segment.slope * (distance - segment.from);
}

/** Keys that query p sees through a ring, written from RingLayout's documentation. */
export function visibleKeys(layout: RingLayout, sinkCount: number, p: number): number[] {
  const keys: number[] = [];
  for (let k = 0; k <= p; k++) {
    if (k % layout.stride !== layout.residue) continue;
    if (layout.kind === 'sinks' && k < layout.hi) keys.push(k);
    if (layout.kind === 'aligned') {
      const served = !layout.sparseQueries || p % layout.stride === layout.residue;
      if (served && k >= Math.floor(p / layout.align) * layout.align) keys.push(k);
    }
    if (layout.kind === 'sliding' && k >= sinkCount) {
      if (p < layout.denseUpTo ? layout.lo === 0 : p - k >= layout.lo && p - k < layout.hi) keys.push(k);
    }
  }
  return keys;
}

/** RoPE of one vector at a real position, in f64. */
function rotate(x: Float64Array, position: number, inverseFrequencies: Float64Array): Float64Array {
  const out = new Float64Array(x.length);
  inverseFrequencies.forEach((frequency, i) => {
    const c = Math.cos(position * frequency);
    const s = Math.sin(position * frequency);
    const a = x[2 * i] as number;
    const b = x[2 * i + 1] as number;
    out[2 * i] = a * c - b * s;
    out[2 * i + 1] = b * c + a * s;
  });
  return out;
}

/** XPOS scale of a pair: zeta_i^exponent (longnet.md section 1). */
function xposScale(x: Float64Array, exponent: number): Float64Array {
  const d = x.length;
  return x.map((value, i) => value * ((2 * Math.floor(i / 2) + 0.4 * d) / (1.4 * d)) ** exponent);
}

/** The whole attention of all rows, f64 [rows][heads][headDim]; positions start at 0. */
export function referenceAttention(
  plan: CompiledPlan,
  rows: Float32Array,
  xposBase = 0,
  headFrequencies?: Float64Array,
) {
  const { heads, kvHeads, headDim } = plan.geometry;
  const width = (heads + 2 * kvHeads) * headDim;
  const count = rows.length / width;
  const inverse = headFrequencies ?? frequencies(headDim);
  const vector = (row: number, index: number) =>
    Float64Array.from(rows.subarray(row * width + index * headDim, row * width + (index + 1) * headDim));
  const out = new Float64Array(count * heads * headDim);
  for (let p = 0; p < count; p++) {
    for (let h = 0; h < heads; h++) {
      const scores: number[] = [];
      const values: Float64Array[] = [];
      const query = vector(p, h);
      for (const layout of plan.rings) {
        if (h < layout.firstHead || h >= layout.firstHead + layout.headCount) continue;
        for (const k of visibleKeys(layout, plan.sinkCount, p)) {
          // RoPE depends on the relative position only
          const relative =
            layout.kind === 'sinks'
              ? mapDistance(plan.distanceMap, p) - k
              : layout.slope * (p - k) + layout.intercept;
          let q = rotate(query, relative, inverse);
          if (xposBase > 0) q = xposScale(q, (p - k) / xposBase);
          const key = vector(k, heads + layout.kvHead);
          scores.push(key.reduce((sum, x, i) => sum + x * (q[i] as number), 0) / Math.sqrt(headDim));
          values.push(vector(k, heads + kvHeads + layout.kvHead));
        }
      }
      const top = Math.max(...scores);
      const total = scores.reduce((sum, s) => sum + Math.exp(s - top), 0);
      scores.forEach((s, j) => {
        const weight = Math.exp(s - top) / total;
        (values[j] as Float64Array).forEach((v, i) => (out[(p * heads + h) * headDim + i]! += weight * v));
      });
    }
  }
  return out;
}

/** Normalised mean squared error. */
export function nmse(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let error = 0;
  let power = 0;
  for (let i = 0; i < expected.length; i++) {
    error += ((actual[i] as number) - (expected[i] as number)) ** 2;
    power += (expected[i] as number) ** 2;
  }
  return error / power;
}

/** Index of the first element that differs, bit for bit but for NaN; -1 when none does. Lengths count. */
export function firstDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  for (let i = 0; i < Math.max(actual.length, expected.length); i++)
    if (!Object.is(actual[i], expected[i])) return i;
  return -1;
}
