/** A plan in the layers of one kind: what the plan shows, and what the model's own sliding window leaves of it. */
import { AppError } from '../../../shared/errors.ts';
import type { AttentionKind } from '../runtime.ts';
import { compilePlan } from './compile.ts';
import type { AttentionPlan, CompiledPlan, PlanGeometry } from './types.ts';

/**
 * A layer that was trained with a sliding window sees that window under every plan, or less where the plan's own is
 * shorter; no sinks and no bands, which it has never seen.
 */
function planOfKind(plan: AttentionPlan, kind: Pick<AttentionKind, 'window'>): AttentionPlan {
  if (kind.window === null) return plan;
  const { name, window, positions } = plan;
  if (positions === 'xpos') {
    throw new AppError(
      'unsupported',
      `The attention plan "${name}" is not supported: XPOS has no meaning in this model's sliding layers.`,
      'Choose another plan, or a model that was trained with LongNet.',
    );
  }
  return {
    name,
    alignment: 'sliding',
    mixing: 'once',
    positions: 'rope',
    sinks: 0,
    window: Math.min(kind.window, window ?? Infinity),
  };
}

/**
 * The plan compiled for each kind of layer. Each result carries the plan as it was given: it is a state's identity.
 * The first is what `Runtime.compile` returns and a cache is asked for with.
 * @throws AppError as `compilePlan`
 */
export function compileKinds(
  plan: AttentionPlan,
  geometry: PlanGeometry,
  kinds: readonly Pick<AttentionKind, 'window'>[],
): readonly CompiledPlan[] {
  return kinds.map((kind) => ({ ...compilePlan(planOfKind(plan, kind), geometry), plan }));
}
