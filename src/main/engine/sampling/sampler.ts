/**
 * From logits to the next token. Order, as in llama.cpp's default chain:
 *
 *   1. repetition penalty   2. top-k   3. top-p   4. min-p   5. temperature   6. draw
 *
 * so that the filters judge the model's own probabilities, and the temperature only how the rest is drawn.
 * Temperature 0 is greedy: penalty, then the largest logit, of equal ones the lowest id.
 */
import { AppError } from '../../../shared/errors.ts';
import type { SamplingParameters } from '../../../shared/model/index.ts';
import { summarise, type LogitSummary } from '../scoring.ts';
import { largest } from './largest.ts';
import { Pcg32 } from './pcg32.ts';

/** Tokens that top-p looks at first; four times as many while their sum does not reach p. */
const firstTopPCandidates = 64;

export class Sampler {
  readonly #parameters: SamplingParameters;
  readonly #random: Pcg32;
  readonly #summarise: (logits: Float32Array) => LogitSummary;
  /** last `repetitionWindow` ids */
  #recent: number[];

  /**
   * @param context ids before the first sample; the penalty looks at the last `repetitionWindow` of them
   * @param summarised the backend's own, where it is quicker
   */
  constructor(
    parameters: SamplingParameters,
    context: ArrayLike<number> = [],
    summarised: (logits: Float32Array) => LogitSummary = summarise,
  ) {
    this.#parameters = parameters;
    this.#summarise = summarised;
    this.#random = new Pcg32(parameters.seed);
    const from = Math.max(0, context.length - parameters.repetitionWindow);
    this.#recent = Array.from({ length: context.length - from }, (_, i) => context[from + i]);
  }

  /**
   * Chooses a token and takes it into the window of the repetition penalty.
   * @param logits f32 [vocabulary], left as they are
   * @throws AppError 'internal' when the logits hold NaN or no finite number
   */
  sample(logits: Float32Array): number {
    const penalised = penalise(logits, this.#recent, this.#parameters.repetitionPenalty);
    const { best, logSum } = this.#summarise(penalised);
    if (!Number.isFinite(logSum)) {
      throw new AppError('internal', 'The model gave logits that are not numbers.', 'Verify the model file.');
    }
    const id = this.#parameters.temperature === 0 ? best : this.#draw(penalised);
    this.#accept(id);
    return id;
  }

  #draw(logits: Float32Array): number {
    const { ids, weights } = distribution(logits, this.#parameters);
    let total = 0;
    for (let i = 0; i < weights.length; i++) total += weights[i];
    let rest = this.#random.nextUniform() * total;
    let chosen = ids[0];
    for (let i = 0; i < ids.length; i++) {
      if (weights[i] === 0) continue;
      chosen = ids[i];
      rest -= weights[i];
      if (rest < 0) break;
    }
    return chosen;
  }

  #accept(id: number): void {
    this.#recent.push(id);
    if (this.#recent.length > this.#parameters.repetitionWindow) this.#recent.shift();
  }
}

/**
 * llama.cpp's rule: the logit of each token in the window, once however often it is there, is divided by the penalty
 * where positive and multiplied where negative.
 * @returns a copy, or the logits themselves where nothing is penalised
 */
export function penalise(logits: Float32Array, recent: readonly number[], penalty: number): Float32Array {
  if (penalty === 1) return logits;
  const penalised = logits.slice();
  for (const id of new Set(recent)) {
    if (id < 0 || id >= penalised.length) continue;
    penalised[id] = penalised[id] > 0 ? penalised[id] / penalty : penalised[id] * penalty;
  }
  return penalised;
}

/**
 * What is drawn from: ids and their weights (not normalised; the largest is 1), after top-k, top-p, min-p and
 * temperature.
 */
export function distribution(
  logits: Float32Array,
  { topK, topP, minP, temperature }: Pick<SamplingParameters, 'topK' | 'topP' | 'minP' | 'temperature'>,
): { readonly ids: Int32Array; readonly weights: Float64Array } {
  // Sets of a whole vocabulary are walked by plain loops: callbacks cost milliseconds a token.
  let ids = topK > 0 ? largest(logits, topK) : allIds(logits.length);
  if (topP < 1) ids = nucleus(logits, ids, topP);
  const top = largestLogit(logits, ids);
  if (minP > 0) ids = ids.filter((id) => logits[id] >= top + Math.log(minP));
  const weights = new Float64Array(ids.length);
  for (let i = 0; i < ids.length; i++) weights[i] = Math.exp((logits[ids[i]] - top) / temperature);
  return { ids, weights };
}

function allIds(count: number): Int32Array {
  const ids = new Int32Array(count);
  for (let id = 0; id < count; id++) ids[id] = id;
  return ids;
}

function largestLogit(logits: Float32Array, ids: Int32Array): number {
  let top = -Infinity;
  for (let i = 0; i < ids.length; i++) if (logits[ids[i]] > top) top = logits[ids[i]];
  return top;
}

/** Top-p (Holtzman et al. 2020, section 3.1): the fewest most probable of `ids` whose probabilities reach p. */
function nucleus(logits: Float32Array, ids: Int32Array, topP: number): Int32Array {
  const top = largestLogit(logits, ids);
  const chosen = new Float32Array(ids.length);
  let total = 0;
  for (let i = 0; i < ids.length; i++) {
    chosen[i] = logits[ids[i]];
    total += Math.exp(chosen[i] - top);
  }
  for (let count = firstTopPCandidates; ; count *= 4) {
    const order = largest(chosen, count);
    let sum = 0;
    for (let i = 0; i < order.length; i++) {
      sum += Math.exp(chosen[order[i]] - top);
      if (sum >= topP * total) return order.slice(0, i + 1).map((index) => ids[index]);
    }
    if (count >= ids.length) return order.map((index) => ids[index]);
  }
}
