/**
 * The attention plan (design section 3): data, stored with every state and read by engine, app and training
 * from the same JSON (schema: resources/plan.schema.json). What it means is written down once, in
 * `compile.ts`, which turns a plan into rings; reference, native cache and counting all follow the rings.
 */
export interface DilatedPattern {
  /** w, in tokens */
  readonly segmentLength: number;
  /** r; w mod r must be 0 */
  readonly dilation: number;
}

/** Sliding bands beyond the window: band i (i >= 1) covers the distances [W 2^(i-1), W 2^i). */
export interface BandRule {
  /** e_1, e_2, …: stride of band i is 2^e_i; continued by `exponentPeriod` */
  readonly exponents: readonly number[];
  /** after the listed exponents e_{i+period} = e_i + increment (adapted: 1,2,4,5,7,8,… = period 2, increment 3) */
  readonly period: number;
  readonly increment: number;
  /** s_0: positions spanned by the first band; band i spans s_0 rho^(i-1) */
  readonly firstSpan: number;
  readonly rho: number;
  /** number of bands; absent = without end */
  readonly count?: number;
}

export interface AttentionPlan {
  readonly name: string;
  /** 'aligned': segments start at multiples of w (LongNet). 'sliding': window and bands move with the query. */
  readonly alignment: 'aligned' | 'sliding';
  /** aligned only */
  readonly patterns?: readonly DilatedPattern[];
  /** head offset of pattern (w, r): paper h mod r; torchscale floor(h / ceil(H / r)) */
  readonly offsetRule?: 'paper' | 'torchscale';
  /** aligned only: pattern serves only the queries of its residue class (LongNet: true) */
  readonly sparseQueries?: boolean;
  /** 'multiset': a key in c patterns counts c times (one softmax over the multiset). 'once': each key once. */
  readonly mixing: 'multiset' | 'once';
  readonly positions: 'rope' | 'xpos' | 'piecewise';
  /** first tokens that every query sees; 0 for longnet */
  readonly sinks: number;
  /** sliding only: W, exact keys (distances 0 … W-1); absent = everything (dense) */
  readonly window?: number;
  /** sliding only: up to this position all keys are seen exactly */
  readonly denseUpTo?: number;
  readonly bands?: BandRule;
  /** blocks chosen by content: reserved, must be absent today */
  readonly selected?: never;
}

/** What of the model a plan is compiled against. */
export interface PlanGeometry {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** T, trained context length in tokens */
  readonly trainedLength: number;
}

/**
 * One ring: keys k ≡ residue (mod stride) of one KV head, kept while a future query can see them, and seen by
 * the query heads [firstHead, firstHead + headCount). Visibility for query position p, in absolute key positions:
 * - kind 'sliding':  p - hi < k <= p - lo   (distance lo <= p-k < hi); k >= sinkCount of the plan; for
 *                    p < denseUpTo the window ring (lo = 0) sees every k >= sinkCount
 * - kind 'aligned':  floor(p / align) * align <= k <= p, and only if p mod stride == residue when sparseQueries
 * - kind 'sinks':    k < hi and k <= p   (lo = 0, stride 1, residue 0)
 * Entry index of key k in its ring: m = (k - residue) / stride; attention tiles are aligned to multiples of the
 * tile length in m, so that a row's result never depends on the chunking.
 */
export interface RingLayout {
  readonly kind: 'sliding' | 'aligned' | 'sinks';
  readonly kvHead: number;
  readonly firstHead: number;
  readonly headCount: number;
  readonly stride: number;
  readonly residue: number;
  /** distances, in tokens; hi = Infinity: never leaves (dense) */
  readonly lo: number;
  readonly hi: number;
  /** segment length of an aligned ring; 0 otherwise */
  readonly align: number;
  readonly sparseQueries: boolean;
  /** query positions below this see all keys through the window ring; 0 = no such range */
  readonly denseUpTo: number;
  /** index of the ring (same KV head) that hands its keys over at distance lo; -1: keys come from new tokens */
  readonly source: number;
  /**
   * RoPE of this ring: a key at k is rotated to slope*k, a query at p to slope*p + intercept, so that the relative
   * position is f(p-k) = slope*(p-k) + intercept. For 'sinks' the key is rotated to k and the query to f(p),
   * evaluated with `CompiledPlan.distanceMap`.
   */
  readonly slope: number;
  readonly intercept: number;
}

/** f(d), piecewise linear: for from_i <= d < from_{i+1}: f(d) = base_i + slope_i * (d - from_i) */
export interface DistanceSegment {
  readonly from: number;
  readonly base: number;
  readonly slope: number;
}

export interface CompiledPlan {
  readonly plan: AttentionPlan;
  readonly geometry: PlanGeometry;
  /** fixed order: the order in which parts are merged for every row. Rings without end are listed up to 2^40 tokens. */
  readonly rings: readonly RingLayout[];
  readonly distanceMap: readonly DistanceSegment[];
  readonly sinkCount: number;
}
