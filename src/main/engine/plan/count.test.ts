import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compilePlan } from './compile.ts';
import { maxPosition, ringsOfHead, visibleKeys, visibleKeysOf } from './count.ts';
import { longnetPlan, preset } from './presets.ts';
import { arbitraryPlan } from './testing/arbitrary-plan.ts';
import type { PlanGeometry } from './types.ts';
import { heldEntries, keyOf, visibleEntries } from './visibility.ts';

const smolLm2: PlanGeometry = { heads: 9, kvHeads: 3, headDim: 64, trainedLength: 8192 };

function total(keys: { exact: number; sparse: number }): number {
  return keys.exact + keys.sparse;
}

describe('adapted of SmolLM2, by count', () => {
  const compiled = compilePlan(preset('adapted', smolLm2), smolLm2);

  it.each([
    // longnet-length.md section 1: 16k 4,612; 64k 5,380; 128k 5,636
    [16_384, 4_612],
    [65_536, 5_380],
    [131_072, 5_636],
  ])('at %i tokens a query sees %i keys', (tokens, keys) => {
    expect(total(visibleKeys(compiled, tokens - 1))).toBe(keys);
  });

  it.each([16_384, 1_000_000, 1_000_000_000])('at %i tokens: fewer than 6,148 keys', (tokens) => {
    const keys = visibleKeys(compiled, tokens - 1);
    expect(keys.exact).toBe(2048 + 4);
    expect(total(keys)).toBeLessThan(6_148);
    expect(total(keys)).toBeGreaterThan(4_600);
  });

  it.each([16_384, 1_000_000, 1_000_000_000])(
    'at %i tokens: no position outside the trained 8192',
    (tokens) => {
      expect(maxPosition(compiled, tokens)).toBeLessThan(8192);
      expect(maxPosition(compiled, tokens)).toBeGreaterThan(2048 + 1024 + 800);
    },
  );

  it('reaches position 7,628 at 3.4e7 tokens, as measured', () => {
    expect(Math.round(maxPosition(compiled, 3.4e7))).toBeGreaterThan(7_500);
    expect(maxPosition(compiled, 3.4e7)).toBeLessThan(7_640);
  });

  // With smaller windows, bands at 10^9 are wider apart than their stride: a key or none each.
  it('sees no more than 3 W keys for other trained lengths and numbers of KV heads', () => {
    for (const trainedLength of [4096, 32_768, 40_960, 131_072]) {
      for (const kvHeads of [1, 2, 8]) {
        const geometry = { heads: 8, kvHeads, headDim: 64, trainedLength };
        const plan = compilePlan(preset('adapted', geometry), geometry);
        expect(total(visibleKeys(plan, 1e9))).toBeLessThanOrEqual((3 * trainedLength) / 4 + 4);
        expect(maxPosition(plan, 1e9)).toBeLessThan(trainedLength);
      }
    }
  });
});

describe('the other presets, by count', () => {
  it('window: dense up to 8192, then 8,184 keys and 4 sinks, positions below 8192', () => {
    const compiled = compilePlan(preset('window', smolLm2), smolLm2);
    expect(visibleKeys(compiled, 8191)).toEqual({ exact: 8192, sparse: 0 });
    expect(visibleKeys(compiled, 8192)).toEqual({ exact: 8188, sparse: 0 });
    expect(visibleKeys(compiled, 1e9)).toEqual({ exact: 8188, sparse: 0 });
    expect(maxPosition(compiled, 1e9)).toBe(8191);
  });

  it('dense sees everything, at its true position', () => {
    const compiled = compilePlan(preset('dense', smolLm2), smolLm2);
    expect(visibleKeys(compiled, 999_999)).toEqual({ exact: 1_000_000, sparse: 0 });
    expect(maxPosition(compiled, 999_999)).toBe(999_999);
  });

  it('longnet: at most 2,048 keys per pattern', () => {
    const compiled = compilePlan(longnetPlan(), smolLm2);
    // p = 2^20 - 512 is 512 before the end of every segment: 2048 - 512/r + 1 keys, and head 0's offset is 0
    const sparse = [2, 4, 8, 16, 32, 64, 128, 256, 512].reduce((sum, r) => sum + 2049 - 512 / r, 0);
    expect(visibleKeys(compiled, 2 ** 20 - 512, 0)).toEqual({ exact: 1537, sparse });
    expect(total(visibleKeys(compiled, 1e9))).toBeLessThanOrEqual(10 * 2048);
  });
});

describe('any plan', () => {
  const plans = arbitraryPlan();
  const upTo = 150;

  it('count and list of visible keys agree at every position', () => {
    fc.assert(
      fc.property(plans, fc.nat(upTo), ({ compiled }, position) => {
        for (let head = 0; head < compiled.geometry.heads; head++) {
          const listed = visibleKeysOf(compiled, head, position);
          const exact = listed.filter(({ ring }) => ring.stride === 1).length;
          expect(visibleKeys(compiled, position, head)).toEqual({ exact, sparse: listed.length - exact });
          const ranges = ringsOfHead(compiled, head).flatMap((ring) => {
            const { first, end } = visibleEntries(ring, compiled.sinkCount, position);
            return Array.from({ length: end - first }, (_, i) => keyOf(ring, first + i));
          });
          expect(ranges).toEqual(listed.map(({ key }) => key));
        }
      }),
    );
  });

  it('a sliding plan sees each key once, and the query its own', () => {
    fc.assert(
      fc.property(plans, fc.nat(upTo), ({ compiled }, position) => {
        if (compiled.plan.alignment !== 'sliding') return;
        for (let head = 0; head < compiled.geometry.heads; head++) {
          const keys = visibleKeysOf(compiled, head, position).map(({ key }) => key);
          expect(new Set(keys).size).toBe(keys.length);
          expect(keys).toContain(position);
        }
      }),
    );
  });

  it('maxPosition is the largest position of the lists', () => {
    fc.assert(
      fc.property(plans, fc.nat(60), ({ compiled }, last) => {
        let largest = 0;
        for (let position = 0; position <= last; position++) {
          for (let head = 0; head < compiled.geometry.heads; head++) {
            for (const key of visibleKeysOf(compiled, head, position)) {
              largest = Math.max(largest, key.relativePosition);
            }
          }
        }
        expect(maxPosition(compiled, last)).toBeCloseTo(largest, 9);
      }),
    );
  });

  it('what a cache holds is enough: what a row sees is held, handed over by its source, or new', () => {
    fc.assert(
      fc.property(plans, fc.nat(upTo), ({ compiled }, position) => {
        const { rings, sinkCount } = compiled;
        for (const ring of rings) {
          const visible = visibleEntries(ring, sinkCount, position);
          const held = heldEntries(ring, sinkCount, position);
          for (let entry = visible.first; entry < visible.end; entry++) {
            const key = keyOf(ring, entry);
            if (key >= position || (entry >= held.first && entry < held.end)) continue;
            expect(ring.source).toBeGreaterThanOrEqual(0);
            const source = rings[ring.source];
            const sourceEntry = (key - source.residue) / source.stride;
            const sourceHeld = heldEntries(source, sinkCount, position);
            expect(Number.isInteger(sourceEntry)).toBe(true);
            expect(sourceEntry).toBeGreaterThanOrEqual(sourceHeld.first);
            expect(sourceEntry).toBeLessThan(sourceHeld.end);
          }
        }
      }),
    );
  });
});
