/** Intervals by resampling. */

export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Mean and 95 % percentile bootstrap interval over blocks: neighbouring values depend on each other, so whole blocks
 * are drawn, with replacement.
 * @param values in order
 * @param blockLength values of one block; the last one may be shorter
 */
export function blockBootstrap(values: ArrayLike<number>, blockLength: number, draws = 10_000): Interval {
  const blocks: { sum: number; count: number }[] = [];
  for (let start = 0; start < values.length; start += blockLength) {
    const block = { sum: 0, count: 0 };
    for (let i = start; i < Math.min(values.length, start + blockLength); i++) {
      block.sum += values[i] ?? 0;
      block.count++;
    }
    blocks.push(block);
  }
  if (blocks.length === 0) throw new RangeError('no values');
  const random = uniform(20_261_123);
  const means = Float64Array.from({ length: draws }, () => {
    let sum = 0;
    let count = 0;
    for (let i = 0; i < blocks.length; i++) {
      const block = blocks[Math.floor(random() * blocks.length)];
      sum += block?.sum ?? 0;
      count += block?.count ?? 0;
    }
    return sum / count;
  }).sort();
  const all = blocks.reduce((a, b) => ({ sum: a.sum + b.sum, count: a.count + b.count }));
  const at = (share: number): number => means[Math.round(share * (draws - 1))] ?? NaN;
  return { mean: all.sum / all.count, low: at(0.025), high: at(0.975) };
}

/** mulberry32: the same draws on every machine */
function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
