import { describe, expect, it } from 'vitest';
import { floatToHalf, quantise } from '../testing/index.ts';
import { halfToFloat } from '../half.ts';
import { dequantise } from './dequantise.ts';
import type { TensorType } from './types.ts';

/** Bytes of a block as the struct in ggml-common.h, values computed by hand from the formula. */
function bytes(halves: readonly number[], quants: readonly number[]): Uint8Array {
  const head = halves.flatMap((value) => [floatToHalf(value) & 255, floatToHalf(value) >> 8]);
  return Uint8Array.from([...head, ...quants]);
}

const nibblePairs = Array.from({ length: 16 }, (_, j) => j | ((15 - j) << 4));
const low = Array.from({ length: 16 }, (_, j) => j);

describe('dequantise', () => {
  it('Q4_0: d (q - 8), low nibbles first', () => {
    const expected = [...low, ...low.toReversed()].map((q) => 0.5 * (q - 8));
    expect([...dequantise('Q4_0', bytes([0.5], nibblePairs), 32)]).toEqual(expected);
  });

  it('Q4_1: d q + m', () => {
    const expected = [...low, ...low.toReversed()].map((q) => 0.25 * q - 3);
    expect([...dequantise('Q4_1', bytes([0.25, -3], nibblePairs), 32)]).toEqual(expected);
  });

  it('Q8_0: d q with signed q', () => {
    const quants = Array.from({ length: 32 }, (_, j) => (j * 37) & 255);
    const expected = quants.map((q) => 0.125 * (q > 127 ? q - 256 : q));
    expect([...dequantise('Q8_0', bytes([0.125], quants), 32)]).toEqual(expected);
  });

  it('F16: every finite value and the specials as Float16Array has them', () => {
    const bits = Uint16Array.from({ length: 65_536 }, (_, i) => i);
    const expected = Float32Array.from({ length: 65_536 }, (_, i) => halfToFloat(i));
    expect(dequantise('F16', new Uint8Array(bits.buffer), 65_536)).toEqual(expected);
    expect([halfToFloat(0x3c00), halfToFloat(0x8001), halfToFloat(0x7bff), halfToFloat(0xfc00)]).toEqual([
      1,
      -(2 ** -24),
      65_504,
      -Infinity,
    ]);
    expect(halfToFloat(0x7e00)).toBeNaN();
  });

  it('halves survive the way through a float', () => {
    for (let bits = 0; bits < 0x7c00; bits++) expect(floatToHalf(halfToFloat(bits))).toBe(bits);
  });

  it.each<[TensorType & ('F32' | 'F16' | 'BF16' | 'Q4_0' | 'Q4_1' | 'Q8_0'), number]>([
    ['F32', 0],
    ['F16', 2 ** -11],
    ['BF16', 2 ** -8],
    ['Q4_0', 0.08],
    ['Q4_1', 0.07],
    ['Q8_0', 0.005],
  ])('%s gives back what was quantised, within its step', (type, tolerance) => {
    const values = Float32Array.from({ length: 256 }, (_, i) => Math.sin(i * 1.7) * (1 - (i % 32) / 100));
    const back = dequantise(type, quantise(type, values), 256);
    values.forEach((value, i) => expect(Math.abs(back[i] - value)).toBeLessThanOrEqual(tolerance));
  });

  it('works on bytes at an odd address', () => {
    const stored = quantise('F32', Float32Array.from([1.5, -2]));
    const shifted = new Uint8Array(9);
    shifted.set(stored, 1);
    expect([...dequantise('F32', shifted.subarray(1), 2)]).toEqual([1.5, -2]);
  });

  it('names types and lengths that do not fit', () => {
    expect(() => dequantise('Q6_K', new Uint8Array(210), 256)).toThrow(/Q6_K are not read/);
    expect(() => dequantise('Q4_1', new Uint8Array(19), 32)).toThrow(/take 20 bytes, not 19/);
  });
});
