import { expect, it } from 'vitest';
import { pack } from './packed-vector.ts';

const unpacked = (bytes: Uint8Array): number[] => {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return Array.from({ length: bytes.length - 4 }, (_, i) => view.getInt8(4 + i) * view.getFloat32(0, true));
};

it('keeps each number to a 254th of the largest', () => {
  const point = Float32Array.from({ length: 384 }, (_, i) => Math.sin(i * 7.1) * (i % 5));
  const largest = Math.max(...point.map(Math.abs));
  unpacked(pack(point)).forEach((value, i) =>
    expect(Math.abs(value - (point[i] ?? NaN))).toBeLessThanOrEqual(largest / 253),
  );
});

it('nothing but zeros stays that', () => {
  expect(unpacked(pack(new Float32Array(3)))).toEqual([0, 0, 0]);
});
