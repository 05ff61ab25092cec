import { describe, expect, it } from 'vitest';
import { attend } from './attention.ts';
import { embedding } from './embedding.ts';
import { matmul } from './matmul.ts';
import { rmsNorm } from './rms-norm.ts';
import { rotate, rotationTable, xposZeta } from './rope.ts';
import { swiglu } from './swiglu.ts';
import { normalNumbers } from '../testing/random-rows.ts';

function close(actual: ArrayLike<number>, expected: readonly number[], digits = 6): void {
  expect(actual.length).toBe(expected.length);
  for (const [i, value] of expected.entries()) expect(actual[i]).toBeCloseTo(value, digits);
}

describe('rmsNorm', () => {
  it('divides each row by its root mean square and scales by the weight', () => {
    const out = new Float32Array(4);
    // row 1: mean of squares 12.5; row 2: 0, where epsilon alone remains
    rmsNorm(Float32Array.of(3, 4, 0, 0), Float32Array.of(1, 2), 0.0001, out);
    close(out, [3 / Math.sqrt(12.5001), 8 / Math.sqrt(12.5001), 0, 0]);
  });
});

describe('swiglu', () => {
  it('is silu(gate) * up, also at the ends of the range', () => {
    const out = new Float32Array(4);
    swiglu(Float32Array.of(0, 1, -200, 200), Float32Array.of(5, 2, 3, 2), out);
    close(out, [0, 2 / (1 + Math.exp(-1)), 0, 400]);
  });
});

describe('embedding', () => {
  it('copies the rows of the ids', () => {
    const out = new Float32Array(4);
    embedding(Float32Array.of(1, 2, 3, 4, 5, 6), 2, Int32Array.of(2, 0), out);
    expect([...out]).toEqual([5, 6, 1, 2]);
  });
});

describe('matmul', () => {
  it('is x W^T, whatever the number of outputs', () => {
    for (const outputs of [1, 3, 4, 9]) {
      const [rows, columns] = [5, 7];
      const x = normalNumbers(rows * columns, 1);
      const w = normalNumbers(outputs * columns, 2);
      const out = new Float32Array(rows * outputs).fill(NaN);
      matmul(x, rows, columns, w, outputs, out);
      for (let row = 0; row < rows; row++) {
        for (let o = 0; o < outputs; o++) {
          let sum = 0;
          for (let k = 0; k < columns; k++) sum += x[row * columns + k] * w[o * columns + k];
          expect(out[row * outputs + o]).toBe(Math.fround(sum));
        }
      }
    }
  });
});

describe('rope', () => {
  it('turns pairs (2i, 2i+1) by position times frequency, and copies the rest', () => {
    const table = rotationTable(Float64Array.of(0, 2), Float64Array.of(Math.PI / 4, 0));
    const out = new Float64Array(6);
    rotate(Float32Array.of(1, 2, 3, 4, 5, 6), 0, 6, table, 1, out, 0);
    close(out, [-2, 1, 3, 4, 5, 6], 12);
    rotate(Float32Array.of(1, 2, 3, 4, 5, 6), 0, 6, table, 0, out, 0);
    expect([...out]).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('depends on the difference of positions only, at 10^9 as at 10', () => {
    const frequencies = Float64Array.of(1, 0.01);
    const x = normalNumbers(4, 3);
    const y = normalNumbers(4, 4);
    const product = (p: number, k: number): number => {
      const table = rotationTable(Float64Array.of(p, k), frequencies);
      const [a, b] = [new Float64Array(4), new Float64Array(4)];
      rotate(x, 0, 4, table, 0, a, 0);
      rotate(y, 0, 4, table, 1, b, 0);
      return a.reduce((sum, value, i) => sum + value * b[i], 0);
    };
    expect(product(1e9 + 7, 1e9)).toBeCloseTo(product(17, 10), 5);
  });

  it('XPOS: zeta of torchscale, from 0.4 / 1.4 to nearly 1', () => {
    expect(xposZeta(0, 32)).toBeCloseTo(0.4 / 1.4, 12);
    expect(xposZeta(31, 32)).toBeCloseTo((62 + 25.6) / 89.6, 12);
  });
});

describe('attend', () => {
  const part = (keys: readonly number[], values: readonly number[]) => ({
    query: Float64Array.of(1, 0),
    queryStart: 0,
    keys: Float64Array.from(keys),
    keyStart: 0,
    values: Float32Array.from(values),
    firstSlot: 0,
    capacity: values.length / 2,
    count: keys.length / 2,
  });

  it('counts a key that lies in two parts twice', () => {
    const out = new Float32Array(2);
    const both = part([0, 0, 0, 0], [3, 0, 0, 3]);
    const first = part([0, 0], [3, 0]);
    attend([both, first], 2, out, 0);
    close(out, [2, 1]);
  });

  it('gives zeros where no key is seen, and no overflow for large scores', () => {
    const out = Float32Array.of(7, 7);
    attend([], 2, out, 0);
    expect([...out]).toEqual([0, 0]);
    attend([part([1e4, 0, -1e4, 0], [1, 2, 3, 4])], 2, out, 0);
    expect([...out]).toEqual([1, 2]);
  });

  it('reads values around the end of their ring', () => {
    const out = new Float32Array(2);
    attend([{ ...part([0, 0, 0, 0], [1, 0, 5, 0, 3, 0]), firstSlot: 2 }], 2, out, 0);
    close(out, [2, 0]);
  });
});
