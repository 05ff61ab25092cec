/**
 * The one place that gives a plan its meaning: a plan and a model's geometry become rings of keys per KV head
 * (`RingLayout`). The reference, the native cache and the counting follow the rings and never look at the plan.
 */
import { AppError } from '../../../shared/errors.ts';
import { furthestToken } from './schema.ts';
import type {
  AttentionPlan,
  BandRule,
  CompiledPlan,
  DilatedPattern,
  DistanceSegment,
  PlanGeometry,
  RingLayout,
} from './types.ts';

/**
 * Longest segment with XPOS, in tokens. A key at distance d counts zeta^(d/512) with zeta >= 0.4/1.4 (torchscale's
 * xpos_relative_position.py): 1.5e-35 at 32,768 (the paper's longest w), beyond f32's range at twice that.
 */
export const longestXposSegment = 32_768;

/** A window, and bands beyond it: rings that move with the query. */
interface Band {
  readonly lo: number;
  readonly hi: number;
  readonly stride: number;
  /** position of distance lo, and positions per token */
  readonly base: number;
  readonly slope: number;
}

/**
 * @throws AppError 'invalid-input' when the plan contradicts itself or the geometry, 'unsupported' for combinations
 *   that the schema can express and no kernel computes
 */
export function compilePlan(plan: AttentionPlan, geometry: PlanGeometry): CompiledPlan {
  checkGeometry(geometry);
  if ('selected' in plan && plan.selected !== undefined) {
    throw unsupported(plan, 'blocks chosen by content ("selected") are not supported yet');
  }
  return plan.alignment === 'aligned' ? compileAligned(plan, geometry) : compileSliding(plan, geometry);
}

function checkGeometry({ heads, kvHeads, headDim, trainedLength }: PlanGeometry): void {
  const natural = [heads, kvHeads, headDim, trainedLength].every((n) => Number.isSafeInteger(n) && n > 0);
  if (!natural || heads % kvHeads !== 0) {
    throw new AppError(
      'invalid-input',
      `A plan can't be compiled for ${String(heads)} heads, ${String(kvHeads)} KV heads, head dimension ` +
        `${String(headDim)}, trained length ${String(trainedLength)}.`,
      'All must be positive whole numbers, and the KV heads must divide the heads.',
    );
  }
}

// ---- sliding: sinks, window, bands ----

function compileSliding(plan: AttentionPlan, geometry: PlanGeometry): CompiledPlan {
  checkSliding(plan);
  const bands = slidingBands(plan);
  const rings: RingLayout[] = [];
  for (let kvHead = 0; kvHead < geometry.kvHeads; kvHead++) {
    rings.push(...slidingRings(plan, geometry, bands, kvHead, rings.length));
  }
  return { plan, geometry, rings, distanceMap: slidingDistanceMap(plan, bands), sinkCount: plan.sinks };
}

function checkSliding(plan: AttentionPlan): void {
  if (plan.patterns !== undefined || plan.offsetRule !== undefined || plan.sparseQueries !== undefined) {
    throw invalid(plan, '"patterns", "offsetRule" and "sparseQueries" belong to the alignment "aligned"');
  }
  if (plan.mixing !== 'once') {
    throw invalid(plan, 'a sliding plan sees each key once: "mixing" must be "once"');
  }
  if (plan.positions === 'xpos') throw unsupported(plan, 'XPOS is supported with aligned segments only');
  if (plan.window === undefined) {
    if (plan.bands !== undefined) throw invalid(plan, '"bands" need a "window" to begin after');
    if (plan.denseUpTo !== undefined) throw invalid(plan, '"denseUpTo" needs a "window" that follows it');
  } else if (plan.bands !== undefined && (plan.denseUpTo ?? 0) > plan.window) {
    throw invalid(plan, 'with "bands", "denseUpTo" must not exceed "window": keys would be seen twice');
  }
}

/** Window first, then the bands in order of distance, listed up to `furthestToken`. */
function slidingBands(plan: AttentionPlan): readonly Band[] {
  const window = plan.window ?? Infinity;
  const bands: Band[] = [{ lo: 0, hi: window, stride: 1, base: 0, slope: 1 }];
  if (plan.bands === undefined) return bands;
  const most = plan.bands.count ?? Infinity;
  let base = window;
  let span = plan.bands.firstSpan;
  let stride = 1;
  for (let i = 0, lo = window; i < most && lo < furthestToken; i++, lo *= 2) {
    const next = bandStride(plan.bands, i);
    if (next % stride !== 0) {
      throw invalid(
        plan,
        `band ${String(i + 1)} has the stride ${String(next)}, which is no multiple of the stride ` +
          `${String(stride)} before it: its keys would already be gone`,
      );
    }
    stride = next;
    const piecewise = plan.positions === 'piecewise';
    bands.push({ lo, hi: 2 * lo, stride, base: piecewise ? base : lo, slope: piecewise ? span / lo : 1 });
    base += span;
    span *= plan.bands.rho;
  }
  return bands;
}

/**
 * 2^e_(i+1). Beyond the listed exponents e_(i+period) = e_i + increment. Strides end at `furthestToken`: a larger
 * one selects the same single key below that position.
 */
function bandStride(rule: BandRule, i: number): number {
  if (rule.period > rule.exponents.length) {
    throw new AppError('invalid-input', '"bands.period" is larger than the number of "bands.exponents".');
  }
  const listed = rule.exponents.length;
  const rounds = i < listed ? 0 : Math.ceil((i - listed + 1) / rule.period);
  const exponent = rule.exponents[i - rounds * rule.period] + rounds * rule.increment;
  return Math.min(2 ** exponent, furthestToken);
}

/** @param firstIndex index that the first of these rings gets in the compiled plan */
function slidingRings(
  plan: AttentionPlan,
  geometry: PlanGeometry,
  bands: readonly Band[],
  kvHead: number,
  firstIndex: number,
): readonly RingLayout[] {
  const headCount = geometry.heads / geometry.kvHeads;
  const common = { kvHead, firstHead: kvHead * headCount, headCount, align: 0, sparseQueries: false };
  const rings: RingLayout[] = [];
  if (plan.sinks > 0) {
    const range = { lo: 0, hi: plan.sinks, stride: 1, residue: 0, slope: 1, intercept: 0 };
    rings.push({ ...common, ...range, kind: 'sinks', denseUpTo: 0, source: -1 });
  }
  // One offset for all bands of a KV head: o mod r is then nested (r_i divides r_(i+1)), so that a band's keys are
  // all found in the band before it. Different KV heads keep different keys.
  const offset = bands.length > 1 ? Math.round((kvHead * bands[0].hi) / geometry.kvHeads) : 0;
  for (const [i, { lo, hi, stride, base, slope }] of bands.entries()) {
    rings.push({
      ...common,
      kind: 'sliding',
      lo,
      hi,
      stride,
      residue: offset % stride,
      denseUpTo: i === 0 ? (plan.denseUpTo ?? 0) : 0,
      source: i === 0 ? -1 : firstIndex + rings.length - 1,
      slope,
      intercept: base - slope * lo,
    });
  }
  return rings;
}

/** f(d) by which the sinks are placed: the window's and bands' own positions, constant after them. */
function slidingDistanceMap(plan: AttentionPlan, bands: readonly Band[]): readonly DistanceSegment[] {
  if (plan.positions === 'rope' || bands[0].hi === Infinity) return [{ from: 0, base: 0, slope: 1 }];
  if (bands.length === 1) {
    // Positions inside the cache (StreamingLLM): the sinks directly before the window. Within denseUpTo, where they
    // are.
    const edge = Math.max(bands[0].hi + plan.sinks, plan.denseUpTo ?? 0) - 1;
    return [
      { from: 0, base: 0, slope: 1 },
      { from: edge, base: edge, slope: 0 },
    ];
  }
  const last = bands[bands.length - 1];
  return [
    ...bands.map(({ lo, base, slope }) => ({ from: lo, base, slope })),
    { from: last.hi, base: last.base + last.slope * (last.hi - last.lo), slope: 0 },
  ];
}

// ---- aligned: LongNet's segments ----

function compileAligned(plan: AttentionPlan, geometry: PlanGeometry): CompiledPlan {
  const { patterns, offsetRule } = plan;
  if (patterns === undefined || offsetRule === undefined) {
    throw invalid(
      plan,
      'an aligned plan needs "patterns" and the "offsetRule" that the model was trained with',
    );
  }
  if (plan.window !== undefined || plan.bands !== undefined || plan.denseUpTo !== undefined) {
    throw invalid(plan, '"window", "bands" and "denseUpTo" belong to the alignment "sliding"');
  }
  if (plan.mixing !== 'multiset') throw unsupported(plan, 'aligned patterns mix as a multiset only');
  if (plan.positions === 'piecewise') throw unsupported(plan, 'piecewise positions need sliding bands');
  if (plan.sinks !== 0) throw unsupported(plan, 'aligned patterns have no sinks');
  for (const pattern of patterns) checkPattern(plan, pattern);

  const rings: RingLayout[] = [];
  for (let kvHead = 0; kvHead < geometry.kvHeads; kvHead++) {
    for (const pattern of patterns) {
      for (const run of offsetRuns(geometry, kvHead, pattern.dilation, offsetRule)) {
        rings.push({
          kind: 'aligned',
          kvHead,
          ...run,
          stride: pattern.dilation,
          lo: 0,
          hi: pattern.segmentLength,
          align: pattern.segmentLength,
          sparseQueries: plan.sparseQueries ?? true,
          denseUpTo: 0,
          source: -1,
          slope: 1,
          intercept: 0,
        });
      }
    }
  }
  return { plan, geometry, rings, distanceMap: [{ from: 0, base: 0, slope: 1 }], sinkCount: 0 };
}

function checkPattern(plan: AttentionPlan, { segmentLength, dilation }: DilatedPattern): void {
  if (segmentLength % dilation !== 0) {
    throw invalid(
      plan,
      `the segment length ${String(segmentLength)} is no multiple of the dilation ${String(dilation)} ` +
        '(torchscale shifts later segments then)',
    );
  }
  if (plan.positions === 'xpos' && segmentLength > longestXposSegment) {
    throw unsupported(
      plan,
      `XPOS over segments of ${String(segmentLength)} tokens leaves the range of 32-bit numbers ` +
        `(longest: ${String(longestXposSegment)})`,
    );
  }
}

/** o_h of a query head: the paper's eq. 13-15, or torchscale's contiguous groups (longnet.md section 1). */
export function headOffset(
  head: number,
  heads: number,
  dilation: number,
  rule: 'paper' | 'torchscale',
): number {
  return rule === 'paper' ? head % dilation : Math.floor(head / Math.ceil(heads / dilation));
}

/** Contiguous runs of one KV head's query heads that share an offset: one ring each. */
function offsetRuns(
  { heads, kvHeads }: PlanGeometry,
  kvHead: number,
  dilation: number,
  rule: 'paper' | 'torchscale',
): readonly { readonly firstHead: number; readonly headCount: number; readonly residue: number }[] {
  const group = heads / kvHeads;
  const runs: { firstHead: number; headCount: number; residue: number }[] = [];
  for (let head = kvHead * group; head < (kvHead + 1) * group; head++) {
    const residue = headOffset(head, heads, dilation, rule);
    const run = runs[runs.length - 1];
    if (runs.length > 0 && run.residue === residue) run.headCount++;
    else runs.push({ firstHead: head, headCount: 1, residue });
  }
  return runs;
}

// ---- errors ----

function invalid(plan: AttentionPlan, reason: string): AppError {
  return new AppError('invalid-input', `The attention plan "${plan.name}" is not valid: ${reason}.`);
}

function unsupported(plan: AttentionPlan, reason: string): AppError {
  return new AppError('unsupported', `The attention plan "${plan.name}" is not supported: ${reason}.`);
}
