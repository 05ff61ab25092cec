import { expect, it } from 'vitest';
import { loadNative } from './index.ts';
import { benchAttention } from './roofline.ts';

it.each(loadNative().available)('%s: measures a positive speed that fits its own time', (simd) => {
  const bench = { keys: 300, rows: 4, heads: 4, kvHeads: 2, headDim: 16, seconds: 0.01, simd } as const;
  const speed = benchAttention(bench);
  expect(speed.simd).toBe(simd);
  expect(speed.gflops * speed.milliseconds * 1e6).toBeCloseTo(4 * 302.5 * 4 * 4 * 16, 3);
  expect(speed.gbps * speed.milliseconds * 1e6).toBeCloseTo(2 * 304 * 2 * 16 * 2, 3);
});

it('refuses a size that cannot be', () => {
  expect(() => benchAttention({ keys: 10, rows: 0, heads: 4, kvHeads: 2, headDim: 16 })).toThrow();
  expect(() => benchAttention({ keys: 10, rows: 1, heads: 4, kvHeads: 2, headDim: 15 })).toThrow();
});
