import { expect, it } from 'vitest';
import { mean, meanInterval, median, quantile, rounded, spreadOf } from './statistics.ts';

it('median, quantile, mean and spread', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(quantile([0, 10], 0.25)).toBe(2.5);
  expect(mean(Float32Array.of(1, 2, 6))).toBe(3);
  expect(spreadOf([2, 9, 4])).toEqual({ median: 4, least: 2, most: 9, runs: [2, 9, 4] });
  expect(rounded(1.256, 2)).toBe(1.26);
  expect(() => median([])).toThrow(RangeError);
});

it('meanInterval: narrow for many equal values, wide for few different ones, the same each time', () => {
  expect(meanInterval([2, 2, 2], 100)).toEqual({ mean: 2, low: 2, high: 2 });
  const few = meanInterval([0, 1, 0, 1], 2000);
  expect(few.mean).toBe(0.5);
  expect(few.low).toBe(0);
  expect(few.high).toBe(1);
  const many = meanInterval(
    Array.from({ length: 400 }, (_, i) => i % 2),
    2000,
  );
  // standard error 0.025: 95 % within about 0.049
  expect(many.low).toBeGreaterThan(0.43);
  expect(many.low).toBeLessThan(0.47);
  expect(meanInterval([0, 1, 0, 1], 2000)).toEqual(few);
  expect(() => meanInterval([])).toThrow(RangeError);
});
