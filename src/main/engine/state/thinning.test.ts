import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { thinChain, USUAL_RATIO } from './thinning.ts';

const chain = fc
  .uniqueArray(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 1, maxLength: 200 })
  .map((positions) => positions.sort((a, b) => a - b));

describe('thinChain', () => {
  it('spaces checkpoints geometrically behind the newest', () => {
    const grid = Array.from({ length: 16 }, (_, index) => (index + 1) * 1000);
    expect(thinChain(grid, USUAL_RATIO)).toEqual([1000, 8000, 12000, 14000, 15000, 16000]);
    expect(thinChain(grid, 4)).toEqual([1000, 12000, 15000, 16000]);
    expect(thinChain(grid, Infinity)).toEqual([16000]);
  });

  it('keeps the newest, its neighbour and the first of any chain, and no gap that it could have avoided', () => {
    fc.assert(
      fc.property(chain, (positions) => {
        const kept = thinChain(positions, USUAL_RATIO);
        const newest = positions.at(-1)!;
        expect(kept).toEqual(positions.filter((position) => kept.includes(position)));
        expect(kept.slice(-2)).toEqual(positions.slice(-2));
        expect(kept[0]).toBe(positions[0]);
        for (let index = 1; index < kept.length; index++) {
          const [far, near] = [kept[index - 1], kept[index]];
          const wasNeighbour = positions.indexOf(near) === positions.indexOf(far) + 1;
          expect(wasNeighbour || newest - far <= USUAL_RATIO * (newest - near)).toBe(true);
        }
      }),
    );
  });

  it('grows with the logarithm of the length while a library is read', () => {
    let kept: number[] = [];
    for (let position = 1; position <= 2000; position++) {
      kept = thinChain([...kept, position], USUAL_RATIO);
      // A change at any distance d costs at most 2 d + 1 grid steps.
      for (let index = 1; index < kept.length; index++)
        expect(position - kept[index - 1]).toBeLessThanOrEqual(2 * (position - kept[index]) + 1);
      expect(kept.length).toBeLessThanOrEqual(2 * Math.log2(position) + 3);
    }
  });
});
