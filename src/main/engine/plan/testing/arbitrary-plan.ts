/** Small random plans with a meaning, for property tests. */
import fc from 'fast-check';
import { compilePlan } from '../compile.ts';
import type { AttentionPlan, CompiledPlan, PlanGeometry } from '../types.ts';

const geometry: fc.Arbitrary<PlanGeometry> = fc
  .record({ kvHeads: fc.integer({ min: 1, max: 3 }), group: fc.integer({ min: 1, max: 3 }) })
  .map(({ kvHeads, group }) => ({ heads: kvHeads * group, kvHeads, headDim: 8, trainedLength: 64 }));

const bands = fc.record({
  exponents: fc.constantFrom([1, 2], [0, 1], [1], [2, 2], [1, 2, 4]),
  period: fc.constant(1),
  increment: fc.integer({ min: 0, max: 3 }),
  firstSpan: fc.integer({ min: 1, max: 12 }),
  rho: fc.constantFrom(0.5, 0.83, 1),
});

const sliding: fc.Arbitrary<AttentionPlan> = fc
  .record({
    sinks: fc.integer({ min: 0, max: 5 }),
    window: fc.integer({ min: 1, max: 24 }),
    denseUpTo: fc.integer({ min: 0, max: 40 }),
    positions: fc.constantFrom('rope' as const, 'piecewise' as const),
    bands: fc.option(bands, { nil: undefined }),
    isDense: fc.integer({ min: 0, max: 9 }),
  })
  .map((choice): AttentionPlan => {
    const base = { name: 'random', alignment: 'sliding', mixing: 'once', sinks: choice.sinks } as const;
    if (choice.isDense === 0) return { ...base, positions: 'rope' };
    const { window, positions } = choice;
    if (choice.bands === undefined) return { ...base, positions, window, denseUpTo: choice.denseUpTo };
    return { ...base, positions, window, denseUpTo: Math.min(choice.denseUpTo, window), bands: choice.bands };
  });

const pattern = fc
  .record({ dilation: fc.integer({ min: 1, max: 6 }), slots: fc.integer({ min: 1, max: 12 }) })
  .map(({ dilation, slots }) => ({ segmentLength: dilation * slots, dilation }));

const aligned: fc.Arbitrary<AttentionPlan> = fc
  .record({
    patterns: fc.array(pattern, { minLength: 1, maxLength: 4 }),
    offsetRule: fc.constantFrom('paper' as const, 'torchscale' as const),
    sparseQueries: fc.boolean(),
    positions: fc.constantFrom('rope' as const, 'xpos' as const),
  })
  .map((choice) => ({ ...choice, name: 'random', alignment: 'aligned', mixing: 'multiset', sinks: 0 }));

/** Plans of every kind with windows and segments of a few dozen tokens. */
export function arbitraryPlan(
  fixed?: PlanGeometry,
): fc.Arbitrary<{ readonly plan: AttentionPlan; readonly compiled: CompiledPlan }> {
  return fc
    .tuple(fc.oneof(sliding, aligned), fixed === undefined ? geometry : fc.constant(fixed))
    .map(([plan, against]) => ({ plan, compiled: compilePlan(plan, against) }));
}
