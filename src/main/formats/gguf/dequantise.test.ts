import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { QuantisedType } from '../testing/index.ts';
import { floatToHalf, quantise } from '../testing/index.ts';
import { halfToFloat } from '../half.ts';
import { dequantise } from './dequantise.ts';
import type { TensorType } from './types.ts';

/** Bytes of a block as the struct in ggml-common.h, values computed by hand from the formula. */
function bytes(halves: readonly number[], quants: readonly number[]): Uint8Array {
  const head = halves.flatMap((value) => [floatToHalf(value) & 255, floatToHalf(value) >> 8]);
  return Uint8Array.from([...head, ...quants]);
}

/** base64 */
interface Case {
  readonly type: TensorType;
  readonly blocks: string;
  readonly values: string;
}
const { cases } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../testing/dequantised.json'), 'utf8'),
) as { cases: readonly Case[] };

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

  it.each<[QuantisedType, number]>([
    ['F32', 0],
    ['F16', 2 ** -11],
    ['BF16', 2 ** -8],
    ['Q4_0', 0.08],
    ['Q4_1', 0.07],
    ['Q5_0', 0.04],
    ['Q5_1', 0.035],
    ['Q8_0', 0.005],
    ['Q4_K', 0.08],
    ['Q5_K', 0.05],
    ['Q6_K', 0.03],
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

  it.each(cases)('$type: random blocks have the values of llama.cpp, bit for bit', (each) => {
    const expected = new Float32Array(Uint8Array.from(Buffer.from(each.values, 'base64')).buffer);
    const actual = dequantise(each.type, Buffer.from(each.blocks, 'base64'), expected.length);
    expect(Buffer.from(actual.buffer)).toEqual(Buffer.from(expected.buffer));
  });

  it('names types and lengths that do not fit', () => {
    expect(() => dequantise('OTHER', new Uint8Array(210), 256)).toThrow(/OTHER are not read/);
    expect(() => dequantise('Q4_1', new Uint8Array(19), 32)).toThrow(/take 20 bytes, not 19/);
  });
});
