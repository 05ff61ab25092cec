/** Few numbers about many. */

/** @throws RangeError for an empty list */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Linear between the two nearest ranks. @param share 0 … 1 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const rank = (sorted.length - 1) * share;
  const low = sorted[Math.floor(rank)];
  const high = sorted[Math.ceil(rank)];
  if (low === undefined || high === undefined) throw new RangeError('no values');
  return low + (high - low) * (rank - Math.floor(rank));
}

export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ?? 0;
  return sum / values.length;
}

/**
 * Mean and 95 % percentile bootstrap interval. Seeded: the same values give the same interval.
 * @throws RangeError for an empty list
 */
export function meanInterval(
  values: readonly number[],
  draws = 10_000,
): { readonly mean: number; readonly low: number; readonly high: number } {
  if (values.length === 0) throw new RangeError('no values');
  let seed = 20_261_130;
  const random = (): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed / 2 ** 32;
  };
  const means = Array.from({ length: draws }, () =>
    mean(values.map(() => values[Math.floor(random() * values.length)] ?? 0)),
  );
  return { mean: mean(values), low: quantile(means, 0.025), high: quantile(means, 0.975) };
}

/** What repeated measurements of one thing look like. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
  readonly runs: readonly number[];
}

export function spreadOf(runs: readonly number[]): Spread {
  return { median: median(runs), least: Math.min(...runs), most: Math.max(...runs), runs };
}

/** A fixed number of decimals, as a number: JSON that people read. */
export function rounded(value: number, decimals = 1): number {
  return Number(value.toFixed(decimals));
}
