/** What the native kernels say of a row of logits, against scoring.ts, which is their twin. */
import { describe, expect, it } from 'vitest';
import { summarise } from '../src/main/engine/scoring.ts';
import { RandomDense } from './testing/dense-fixtures.ts';
import { loadNative } from './index.ts';

const native = loadNative();
const random = new RandomDense(
  native,
  { embedding: 32, heads: 1, kvHeads: 1, headDim: 32, feedForward: 32, vocabulary: 16 },
  'Q8_0',
);

/** Lengths that end within 16 columns and within what is summed in f32. */
const lengths = [1, 2, 15, 16, 17, 1023, 1024, 1025, 5000, 49_152];

describe.each(native.denseAvailable)('%s', (level) => {
  const dense = random.open(level);
  const plain = random.open('scalar');

  it.each(lengths)(
    '%i logits: the reference within 1e-6, the same bits as every other instruction set',
    (length) => {
      const logits = random.vector(length).map((value) => value * 12 + 3);
      const summary = dense.summarise(logits);
      const wanted = summarise(logits);
      expect(summary.best).toBe(wanted.best);
      expect(Math.abs(summary.logSum - wanted.logSum)).toBeLessThan(1e-6);
      expect(summary).toEqual(plain.summarise(logits));
    },
  );

  it('of equal ones the first, wherever they stand', () => {
    for (const at of [0, 5, 1023, 1024, 2999]) {
      const logits = new Float32Array(3000).fill(-1);
      logits.fill(2, at);
      expect(dense.summarise(logits).best, String(at)).toBe(at);
    }
  });

  it('logits that are minus infinity have no share', () => {
    const logits = new Float32Array(2000).fill(-Infinity);
    logits[1500] = 4;
    expect(dense.summarise(logits)).toEqual({ best: 1500, logSum: 4 });
  });

  it.each([
    ['no number among them', [1, NaN, 2]],
    ['no number at the end of many', [...new Array<number>(2000).fill(1), NaN]],
    ['infinity', [1, Infinity, 2]],
    ['nothing finite', [-Infinity, -Infinity]],
  ])('%s: the sum is none, as in the reference', (_, values) => {
    expect(dense.summarise(Float32Array.from(values)).logSum).toBeNaN();
    expect(summarise(Float32Array.from(values)).logSum).toBeNaN();
  });

  it('no logits are refused', () => {
    expect(() => dense.summarise(new Float32Array(0))).toThrow(/too short/);
  });
});
