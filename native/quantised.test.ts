/** Repacking and row gathering of GGUF blocks against TypeScript written from the formats' definitions. */
import { describe, expect, it } from 'vitest';
import { noise } from './attention-fixtures.ts';
import { loadNative } from './index.ts';

const native = loadNative();

type Quantised = 'Q4_0' | 'Q4_1' | 'Q8_0';
const blockBytes = { Q4_0: 18, Q4_1: 20, Q8_0: 34 } as const;

/** IEEE 754 half precision bits to a number. */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Random blocks with finite scales of both signs, some of them subnormal or zero. */
function randomBlocks(type: Quantised, blocks: number): Uint8Array {
  const next = noise(blocks);
  const bytes = Uint8Array.from({ length: blocks * blockBytes[type] }, () => Math.floor((next() + 1) * 128));
  const view = new DataView(bytes.buffer);
  for (let b = 0; b < blocks; b++) {
    const at = b * blockBytes[type];
    view.setUint16(at, [0, 0x8001, 0x0200, 0x2e66, 0xb123, 0x3c00][b % 6] as number, true);
    if (type === 'Q4_1') view.setUint16(at + 2, [0xb400, 0, 0x03ff, 0x8000][b % 4] as number, true);
  }
  return bytes;
}

interface Block {
  readonly d: number;
  readonly m: number;
  /** unsigned nibbles, or signed bytes of Q8_0 */
  readonly q: readonly number[];
}

function readBlock(type: Quantised, bytes: Uint8Array, index: number): Block {
  const block = bytes.subarray(index * blockBytes[type], (index + 1) * blockBytes[type]);
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  const d = half(view.getUint16(0, true));
  if (type === 'Q8_0') return { d, m: 0, q: Array.from({ length: 32 }, (_, j) => view.getInt8(2 + j)) };
  const quants = block.subarray(type === 'Q4_1' ? 4 : 2);
  const q = Array.from({ length: 32 }, (_, j) => (j < 16 ? quants[j]! & 15 : quants[j - 16]! >> 4));
  return { d, m: type === 'Q4_1' ? half(view.getUint16(2, true)) : 0, q };
}

describe.each(['Q4_0', 'Q4_1', 'Q8_0'] as const)('%s', (type) => {
  const rows = 5;
  const columns = 96;
  const blocks = (rows * columns) / 32;
  const source = randomBlocks(type, blocks);
  const parsed = Array.from({ length: blocks }, (_, b) => readBlock(type, source, b));

  it('repack gives the layout of MatMulNBits, and the same weights', () => {
    const perBlock = type === 'Q8_0' ? 32 : 16;
    const quants = new Uint8Array(blocks * perBlock);
    const scales = new Float32Array(blocks);
    const minimums = type === 'Q4_1' ? new Float32Array(blocks) : null;
    native.repack(type, source, rows, columns, quants, scales, minimums);
    parsed.forEach((block, b) => {
      expect(scales[b]).toBe(block.d);
      if (minimums !== null) expect(minimums[b]).toBe(Math.fround(block.m + Math.fround(8 * block.d)));
      block.q.forEach((q, j) => {
        const byte = quants[b * perBlock + (type === 'Q8_0' ? j : j >> 1)] as number;
        if (type === 'Q8_0') expect(byte - 128).toBe(q);
        else expect((byte >> (4 * (j % 2))) & 15).toBe(q);
      });
    });
  });

  it('gatherRows gives the rows in the order of the ids', () => {
    const ids = Int32Array.from([3, 0, 4, 3]);
    const out = new Float32Array(ids.length * columns);
    native.gatherRows(type, source, columns, ids, out);
    ids.forEach((id, i) => {
      for (let c = 0; c < columns; c++) {
        const block = parsed[id * (columns / 32) + Math.floor(c / 32)] as Block;
        const q = (block.q[c % 32] as number) - (type === 'Q4_0' ? 8 : 0);
        expect(out[i * columns + c]! + 0).toBe(Math.fround(Math.fround(block.d * q) + block.m) + 0);
      }
    });
  });

  it('refuses sizes that do not fit', () => {
    const scales = new Float32Array(blocks);
    const quants = new Uint8Array(blocks * 32);
    const call =
      (r: number, c: number, s = source, q = quants, d = scales, m = scales) =>
      () =>
        native.repack(type, s, r, c, q, d, m);
    expect(call(rows, 95)).toThrow(/multiple of 32/);
    expect(call(rows + 1, columns)).toThrow(/too short/);
    expect(call(-1, columns)).toThrow(/rows/);
    expect(call(2 ** 40, columns)).toThrow(/rows/);
    expect(call(NaN, columns)).toThrow(/rows/);
    expect(call(rows, columns, source.subarray(1))).toThrow(/too short/);
    expect(call(rows, columns, source, quants.subarray(0, 3))).toThrow(/too short/);
    expect(call(rows, columns, source, quants, scales.subarray(1))).toThrow(/too short/);
    const gather =
      (ids: number[], out = 1000) =>
      () =>
        native.gatherRows(type, source, columns, Int32Array.from(ids), new Float32Array(out));
    expect(gather([rows])).toThrow(/not a row/);
    expect(gather([-1])).toThrow(/not a row/);
    expect(gather([0, 1], 96)).toThrow(/too short/);
  });
});

it('gatherRows reads F32 and F16', () => {
  const floats = Float32Array.from([1, -2.5, 3, 4, 5, 6]);
  const out = new Float32Array(2);
  native.gatherRows('F32', new Uint8Array(floats.buffer), 2, Int32Array.from([2]), out);
  expect([...out]).toEqual([5, 6]);
  const halves = Uint16Array.from([0x3c00, 0xc100, 0x0001, 0x7bff]);
  native.gatherRows('F16', new Uint8Array(halves.buffer), 2, Int32Array.from([1]), out);
  expect([...out]).toEqual([2 ** -24, 65504]);
  native.gatherRows('F16', new Uint8Array(halves.buffer), 2, Int32Array.from([0]), out);
  expect([...out]).toEqual([1, -2.5]);
});
