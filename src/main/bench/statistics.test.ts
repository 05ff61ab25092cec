import { expect, it } from 'vitest';
import { mean, median, quantile, rounded, spreadOf } from './statistics.ts';

it('median, quantile, mean and spread', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(quantile([0, 10], 0.25)).toBe(2.5);
  expect(mean(Float32Array.of(1, 2, 6))).toBe(3);
  expect(spreadOf([2, 9, 4])).toEqual({ median: 4, least: 2, most: 9, runs: [2, 9, 4] });
  expect(rounded(1.256, 2)).toBe(1.26);
  expect(() => median([])).toThrow(RangeError);
});
