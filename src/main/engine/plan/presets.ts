/** The plans that have a name (design section 3), and the way from `--plan NAME|FILE.json` to a plan. */
import { readFileSync, statSync } from 'node:fs';
import { AppError } from '../../../shared/errors.ts';
import type { GgufFile } from '../../formats/index.ts';
import { compilePlan, longestXposSegment } from './compile.ts';
import { parsePlanText } from './schema.ts';
import type { AttentionPlan, DilatedPattern, PlanGeometry } from './types.ts';

export const presetNames = ['dense', 'longnet', 'window', 'adapted'] as const;
export type PresetName = (typeof presetNames)[number];

/** First tokens that attract attention whatever they say (StreamingLLM, Xiao et al. 2023, section 3.1). */
const sinks = 4;
/** Longest exact window of a preset, in tokens: bounds memory and time with models trained on very long texts. */
const longestWindow = 8192;
/** A plan is a page of JSON. */
const largestPlanFile = 1 << 20;

/** The plan of a name, for a model's geometry. */
export function preset(name: PresetName, geometry: PlanGeometry): AttentionPlan {
  switch (name) {
    case 'dense':
      return { name, alignment: 'sliding', mixing: 'once', positions: 'rope', sinks: 0 };
    case 'window':
      return windowPlan(geometry);
    case 'adapted':
      return adaptedPlan(geometry);
    case 'longnet':
      return longnetPlan();
  }
}

/**
 * Dense up to min(T, 8192) tokens; beyond it 4 sinks and the last min(T, 8192) - 8 keys. Positions never leave the
 * trained range: 'piecewise' without bands holds the sinks at a constant distance.
 */
function windowPlan(geometry: PlanGeometry): AttentionPlan {
  const length = Math.min(geometry.trainedLength, longestWindow);
  return {
    name: 'window',
    alignment: 'sliding',
    mixing: 'once',
    positions: 'piecewise',
    sinks,
    window: Math.max(length - 2 * sinks, 1),
    denseUpTo: length,
  };
}

/**
 * 4 sinks, exact window W = T/4, and bands without end whose strides 2, 4, 16, 32, 128, … halve their number of
 * keys every two bands: fewer than 3 W keys at any length. Positions: s_0 = T/8, rho = 0.83, so that
 * W + sum(s_i) = T (1/4 + 1/(8 * 0.17)) = 0.985 T.
 */
function adaptedPlan(geometry: PlanGeometry): AttentionPlan {
  const window = Math.max(Math.floor(geometry.trainedLength / 4), 1);
  return {
    name: 'adapted',
    alignment: 'sliding',
    mixing: 'once',
    positions: 'piecewise',
    sinks,
    window,
    denseUpTo: window,
    bands: { exponents: [1, 2], period: 2, increment: 3, firstSpan: geometry.trainedLength / 8, rho: 0.83 },
  };
}

export interface LongnetOptions {
  readonly patterns?: readonly DilatedPattern[];
  readonly offsetRule?: 'paper' | 'torchscale';
  readonly positions?: 'rope' | 'xpos';
}

/**
 * LongNet as torchscale computes it: aligned segments, sparse queries, one softmax over the multiset. The patterns
 * belong to the checkpoint; without any, w = 2048, 4096, … and r = 1, 2, 4, … (the paper's ratio a = 2, w/r = 2048
 * keys each) up to w = 2^20 tokens (32,768 with XPOS, whose range ends there): a longer text is still read, its
 * tokens see their segment of that length.
 */
export function longnetPlan(options: LongnetOptions = {}): AttentionPlan {
  const longest = options.positions === 'xpos' ? longestXposSegment : 2 ** 20;
  return {
    name: 'longnet',
    alignment: 'aligned',
    patterns: options.patterns ?? doublingPatterns(2048, longest),
    offsetRule: options.offsetRule ?? 'torchscale',
    sparseQueries: true,
    mixing: 'multiset',
    positions: options.positions ?? 'rope',
    sinks: 0,
  };
}

/** (w_0, 1), (2 w_0, 2), (4 w_0, 4), … while w <= longest. */
export function doublingPatterns(firstLength: number, longest: number): readonly DilatedPattern[] {
  const patterns: DilatedPattern[] = [];
  for (let dilation = 1; firstLength * dilation <= longest; dilation *= 2) {
    patterns.push({ segmentLength: firstLength * dilation, dilation });
  }
  return patterns;
}

/** @throws AppError 'invalid-input' | 'unsupported' when the plan in the model's metadata is not usable */
export function planOfModel(gguf: Pick<GgufFile, 'metadata'>): AttentionPlan | null {
  const text = gguf.metadata.get('longleaf.plan');
  if (text === undefined) return null;
  if (typeof text !== 'string')
    throw new AppError('invalid-input', '"longleaf.plan" in the model must be a text.');
  return parsePlanText(text, 'the model file');
}

/**
 * A preset by name, else a JSON file; checked to have a meaning for this geometry.
 * @throws AppError 'not-found' when it is neither, 'invalid-input' | 'unsupported' when the plan is not usable
 */
export function loadPlan(nameOrFile: string, geometry: PlanGeometry): AttentionPlan {
  const name = presetNames.find((known) => known === nameOrFile);
  const plan =
    name === undefined ? parsePlanText(readPlanFile(nameOrFile), nameOrFile) : preset(name, geometry);
  compilePlan(plan, geometry);
  return plan;
}

function readPlanFile(path: string): string {
  const hint = `Presets: ${presetNames.join(', ')}; or the path of a JSON file.`;
  const size = statSync(path, { throwIfNoEntry: false });
  if (size?.isFile() !== true) {
    throw new AppError('not-found', `There is no attention plan "${path}".`, hint);
  }
  if (size.size > largestPlanFile) {
    throw new AppError('invalid-input', `"${path}" is too large for an attention plan.`, hint);
  }
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new AppError('not-found', `The attention plan "${path}" can't be read.`, hint, { cause });
  }
}
