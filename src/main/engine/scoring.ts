/** What the model itself says about a token: nothing here depends on sampling parameters. */

/** What a row of logits says by itself. */
export interface LogitSummary {
  /** id of the largest logit; of equal ones the first, so that greedy answers are deterministic */
  readonly best: number;
  /** ln of the sum of e^logit; NaN where a logit is no number or +infinity, or none is finite */
  readonly logSum: number;
}

/** Id of the largest logit; of equal ones the first. */
export function argmax(logits: Float32Array): number {
  let best = 0;
  // in a variable: read from the array at each step it costs ten times as much, half a millisecond a token
  let largest = logits[0];
  for (let id = 1; id < logits.length; id++) {
    const logit = logits[id];
    if (logit > largest) {
      largest = logit;
      best = id;
    }
  }
  return best;
}

/** Summed in f64; a native backend does it a hundred times as fast (`Runtime.summarise`). */
export function summarise(logits: Float32Array): LogitSummary {
  const best = argmax(logits);
  const largest = logits[best];
  let sum = 0;
  for (let id = 0; id < logits.length; id++) sum += Math.exp(logits[id] - largest);
  return { best, logSum: largest + Math.log(sum) };
}

/** Natural-log probability of `id` under softmax(logits). */
export function logProbability(logits: Float32Array, id: number, { logSum }: LogitSummary): number {
  return logits[id] - logSum;
}
