import { describe, expect, it } from 'vitest';
import { blockBootstrap } from './bootstrap.ts';

/** Deterministic noise, uniform in [-1, 1). */
function noise(seed: number): () => number {
  let state = seed;
  return () => ((state = (state * 48_271) % 0x7fffffff) / 0x7fffffff) * 2 - 1;
}

describe('blockBootstrap', () => {
  it('holds the true mean of independent values in about 95 of 100 cases', () => {
    const next = noise(5);
    let held = 0;
    for (let round = 0; round < 200; round++) {
      const values = Float64Array.from({ length: 400 }, () => 0.3 + next());
      const { low, high } = blockBootstrap(values, 10, 400);
      if (low <= 0.3 && high >= 0.3) held++;
    }
    expect(held).toBeGreaterThan(176);
    expect(held).toBeLessThan(200);
  });

  it('is wider where neighbours depend on each other', () => {
    const next = noise(9);
    const values = Array.from({ length: 64 }, next).flatMap((value) => Array<number>(16).fill(value));
    const width = (length: number): number => {
      const { low, high } = blockBootstrap(values, length);
      return high - low;
    };
    expect(width(16)).toBeGreaterThan(3 * width(1));
  });

  it('is exact for constants, keeps an odd last block, and refuses nothing', () => {
    expect(blockBootstrap([2, 2, 2, 2, 2], 2)).toEqual({ mean: 2, low: 2, high: 2 });
    expect(blockBootstrap([1, 2, 3, 4, 10], 2).mean).toBe(4);
    expect(() => blockBootstrap([], 2)).toThrow(RangeError);
  });
});
