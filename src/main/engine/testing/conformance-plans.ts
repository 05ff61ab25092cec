/** Plans of every kind, small enough that a hundred tokens pass every boundary of them. */
import { doublingPatterns, longnetPlan, preset } from '../plan/presets.ts';
import type { AttentionPlan, PlanGeometry } from '../plan/types.ts';

/** T of the tiny models that these plans are for. */
export const conformanceLength = 64;

export function conformancePlans(geometry: PlanGeometry): readonly AttentionPlan[] {
  const patterns = doublingPatterns(8, 64);
  return [
    preset('dense', geometry),
    preset('window', geometry),
    preset('adapted', geometry),
    { ...longnetPlan({ patterns }), name: 'longnet-torchscale' },
    { ...longnetPlan({ patterns, offsetRule: 'paper' }), name: 'longnet-paper' },
    { ...longnetPlan({ patterns, positions: 'xpos' }), name: 'longnet-xpos' },
    {
      ...longnetPlan({ patterns: [{ segmentLength: 12, dilation: 3 }, ...patterns.slice(1)] }),
      name: 'longnet-dense-queries',
      sparseQueries: false,
    },
    {
      name: 'short-window-after-dense',
      alignment: 'sliding',
      mixing: 'once',
      positions: 'piecewise',
      sinks: 3,
      window: 7,
      denseUpTo: 40,
    },
    {
      name: 'two-bands-true-positions',
      alignment: 'sliding',
      mixing: 'once',
      positions: 'rope',
      sinks: 0,
      window: 5,
      bands: { exponents: [0, 1], period: 1, increment: 2, firstSpan: 4, rho: 0.5, count: 2 },
    },
  ];
}
