import { describe, expect, it } from 'vitest';
import { loadNative } from '../../../../native/index.ts';
import { dequantise } from '../../formats/index.ts';
import { quantise } from '../../formats/testing/index.ts';
import { bounds, nmse } from '../testing/nmse.ts';
import { noise } from './testing/noise.ts';
import { dequantiseMatrix, repackMatrix, repackReference } from './quantised-matmul.ts';

const rows = 7;

describe.each(['Q4_0', 'Q4_1', 'Q8_0'] as const)('%s as operands of MatMulNBits', (type) => {
  // 3 blocks in a row: an odd number leaves half a byte of zero points empty
  it.each([32, 96, 128])('holds the weights of the file, %i columns', (columns) => {
    const bytes = quantise(type, noise(rows * columns, 3));
    const matrix = repackMatrix(type, [{ bytes, rows }], columns, repackReference);
    const expected = dequantise(type, bytes, rows * columns);
    expect(nmse(dequantiseMatrix(matrix), expected)).toBeLessThan(1e-13);
  });

  it('puts several tensors one below the other', () => {
    const columns = 96;
    const bytes = quantise(type, noise(rows * columns, 5));
    const split = (bytes.length / rows) * 3;
    const sources = [
      { bytes: bytes.slice(0, split), rows: 3 },
      { bytes: bytes.slice(split), rows: rows - 3 },
    ];
    const whole = repackMatrix(type, [{ bytes, rows }], columns, repackReference);
    expect(repackMatrix(type, sources, columns, repackReference)).toEqual(whole);
  });

  it("gives the same operands with the addon's repack", () => {
    const columns = 160;
    const bytes = quantise(type, noise(rows * columns, 7));
    const native = repackMatrix(type, [{ bytes, rows }], columns, (...matrix) => {
      loadNative().repack(...matrix);
    });
    expect(native).toEqual(repackMatrix(type, [{ bytes, rows }], columns, repackReference));
  });

  it('refuses bytes that are not what the shape says, and rows that are not whole blocks', () => {
    const bytes = quantise(type, noise(rows * 64, 9));
    expect(() => repackMatrix(type, [{ bytes, rows }], 96, repackReference)).toThrow(/what its shape says/);
    expect(() => repackMatrix(type, [{ bytes, rows }], 48, repackReference)).toThrow(/multiple of 32/);
  });
});

describe('blocks of Q4_1 that are not symmetric', () => {
  it('are centred: the integers left in the product have no mean beyond half a step', () => {
    const columns = 64;
    const skewed = noise(rows * columns, 11).map((x, i) => (i % 64 < 32 ? x + 5 : Math.abs(x) ** 3 - 4));
    const matrix = repackMatrix(
      'Q4_1',
      [{ bytes: quantise('Q4_1', skewed), rows }],
      columns,
      repackReference,
    );
    const centred = dequantiseMatrix({ ...matrix, minimums: new Float32Array(rows * 2) });
    for (let block = 0; block < rows * 2; block++) {
      const mean = centred.subarray(block * 32, block * 32 + 32).reduce((sum, w) => sum + w, 0) / 32;
      expect(Math.abs(mean)).toBeLessThanOrEqual(0.5 * matrix.scales[block] + 1e-6);
    }
    expect(nmse(dequantiseMatrix(matrix), skewed)).toBeLessThan(bounds.logits);
  });
});
