/**
 * The form of an attention plan, checked at the edge: a plan comes from a file, from a model's metadata or over a
 * wire. `resources/plan.schema.json` says the same for other programs (training reads it); a test keeps the two
 * in step. What a well-formed plan means, and which combinations have no meaning, is `compile.ts`.
 */
import * as v from 'valibot';
import { AppError } from '../../../shared/errors.ts';
import type { AttentionPlan } from './types.ts';

/** Rings without end are listed up to this many tokens; no length in a plan is larger. */
export const furthestToken = 2 ** 40;

const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(furthestToken));
const length = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(furthestToken));
const exponent = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(40));
const few = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(64));

const pattern = v.strictObject({ segmentLength: length, dilation: length });

const bandRule = v.strictObject({
  exponents: v.pipe(v.array(exponent), v.minLength(1), v.maxLength(64)),
  period: few,
  increment: exponent,
  firstSpan: v.pipe(v.number(), v.gtValue(0), v.maxValue(furthestToken)),
  rho: v.pipe(v.number(), v.gtValue(0), v.maxValue(1)),
  count: v.exactOptional(few),
});

export const planSchema = v.strictObject({
  name: v.pipe(v.string(), v.minLength(1), v.maxLength(64)),
  alignment: v.picklist(['aligned', 'sliding']),
  patterns: v.exactOptional(v.pipe(v.array(pattern), v.minLength(1), v.maxLength(64))),
  offsetRule: v.exactOptional(v.picklist(['paper', 'torchscale'])),
  sparseQueries: v.exactOptional(v.boolean()),
  mixing: v.picklist(['multiset', 'once']),
  positions: v.picklist(['rope', 'xpos', 'piecewise']),
  sinks: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65_536)),
  window: v.exactOptional(length),
  denseUpTo: v.exactOptional(count),
  bands: v.exactOptional(bandRule),
});

/**
 * @param value parsed JSON
 * @param from where it came from, for the message
 * @throws AppError 'invalid-input' naming the first field that is wrong; 'unsupported' for `selected`
 */
export function parsePlan(value: unknown, from: string): AttentionPlan {
  if (typeof value === 'object' && value !== null && 'selected' in value) {
    throw new AppError(
      'unsupported',
      `The attention plan from ${from} has "selected": blocks chosen by content are not supported yet.`,
      'Remove "selected" from the plan.',
    );
  }
  const result = v.safeParse(planSchema, value, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  const path = v.getDotPath(issue);
  throw new AppError(
    'invalid-input',
    `The attention plan from ${from} is not valid${path === null ? '' : ` at "${path}"`}: ${issue.message}.`,
    'resources/plan.schema.json describes a plan; `--plan dense|window|adapted|longnet` chooses a preset.',
  );
}

/** @throws AppError 'invalid-input' for text that is not JSON, and as `parsePlan` */
export function parsePlanText(text: string, from: string): AttentionPlan {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AppError('invalid-input', `The attention plan from ${from} is not JSON.`, undefined, { cause });
  }
  return parsePlan(value, from);
}

/** The plan as JSON with keys in one order: equal plans give equal text, whatever file they came from. */
export function canonicalPlan(plan: AttentionPlan): string {
  return JSON.stringify(sorted(plan));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, field]) => field !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, field]) => [key, sorted(field)]));
}
