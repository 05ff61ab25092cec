/** What the model itself says about a token: nothing here depends on sampling parameters. */

/** Index of the largest logit; of equal ones the first, so that greedy answers are deterministic. */
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

/** Natural-log probability of `id` under softmax(logits), summed in f64. */
export function logProbability(logits: Float32Array, id: number): number {
  const largest = logits[argmax(logits)];
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp(logits[i] - largest);
  return logits[id] - largest - Math.log(sum);
}
