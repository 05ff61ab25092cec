/** How near two models' logits are, f32 [rows][vocabulary]: measures that do not see a row's constant. */

/** share of rows whose largest logit is the same token's */
export function sameTopToken(a: Float32Array, b: Float32Array, vocabulary: number): number {
  const rows = b.length / vocabulary;
  let same = 0;
  for (let row = 0; row < rows; row++) if (top(a, row, vocabulary) === top(b, row, vocabulary)) same++;
  return same / rows;
}

function top(logits: Float32Array, row: number, vocabulary: number): number {
  const values = logits.subarray(row * vocabulary, (row + 1) * vocabulary);
  return values.indexOf(values.reduce((largest, value) => Math.max(largest, value)));
}

/** sum of squared differences over the sum of squares of `expected`, each row with its mean taken off */
export function centredNmse(actual: Float32Array, expected: Float32Array, vocabulary: number): number {
  let error = 0;
  let energy = 0;
  for (let start = 0; start < expected.length; start += vocabulary) {
    const a = actual.subarray(start, start + vocabulary);
    const e = expected.subarray(start, start + vocabulary);
    const shift = mean(a) - mean(e);
    const meanOfExpected = mean(e);
    e.forEach((value, i) => {
      error += ((a[i] ?? NaN) - shift - value) ** 2;
      energy += (value - meanOfExpected) ** 2;
    });
  }
  return error / energy;
}

function mean(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
