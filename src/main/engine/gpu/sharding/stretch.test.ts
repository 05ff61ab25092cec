import { describe, expect, it } from 'vitest';
import { compilePlan } from '../../plan/compile.ts';
import { enteringEntries } from '../../plan/visibility.ts';
import { conformancePlans } from '../../testing/conformance-plans.ts';
import { deviceNames } from '../environment-options.ts';
import { enteringByOrigin, stretchesOf } from './stretch.ts';

const geometry = { heads: 6, kvHeads: 2, headDim: 32, trainedLength: 64 };

describe('stretches of a round', () => {
  it('follow one another to its end; their lengths differ by one at most', () => {
    for (const devices of [1, 2, 3, 8])
      for (const total of [devices, devices + 1, 513, 1024, 4095]) {
        const stretches = stretchesOf(total, devices);
        expect(stretches).toHaveLength(devices);
        let next = 0;
        for (const { first, rows } of stretches) {
          expect(first).toBe(next);
          expect([Math.floor(total / devices), Math.ceil(total / devices)]).toContain(rows);
          next += rows;
        }
        expect(next).toBe(total);
      }
  });

  it.each(conformancePlans(geometry))('$name: each entry of the round has one origin', (plan) => {
    const compiled = compilePlan(plan, geometry);
    for (const position of [0, 3, 40, 61, 200]) {
      for (const stretch of stretchesOf(29, 3)) {
        const { handedOver, own, before, after } = enteringByOrigin(compiled, position, stretch);
        for (const [i, ring] of compiled.rings.entries()) {
          const { first, end } = enteringEntries(ring, compiled.sinkCount, position, stretch.total);
          const parts = [handedOver, before, own, after].map((ranges) => ranges[i]);
          const entries = parts.flatMap((range) =>
            Array.from({ length: range.end - range.first }, (_, n) => range.first + n),
          );
          expect(entries).toEqual(Array.from({ length: end - first }, (_, n) => first + n));
        }
      }
    }
  });
});

describe('lists of devices', () => {
  it('have commas between names', () => {
    expect(deviceNames(undefined)).toEqual([]);
    expect(deviceNames('NVIDIA L4#2')).toEqual(['NVIDIA L4#2']);
    expect(deviceNames('L4#1, L4#2')).toEqual(['L4#1', 'L4#2']);
  });

  it.each(['', 'L4,', ',L4', 'L4,,L4'])('%j is none', (list) => {
    expect(() => deviceNames(list)).toThrow(/is no list of devices/);
  });
});
