import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SamplingParameters } from '../../../shared/model/index.ts';
import { largest } from './largest.ts';
import { Pcg32 } from './pcg32.ts';
import { distribution, penalise, Sampler } from './sampler.ts';

const plain: SamplingParameters = {
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  repetitionWindow: 64,
  seed: 7,
  maxTokens: 1,
};
const greedy = { ...plain, temperature: 0 };

/** logits whose softmax is the given probabilities */
function logitsOf(...probabilities: readonly number[]): Float32Array {
  return Float32Array.from(probabilities, (p) => Math.log(p) + 3);
}

function shares(parameters: SamplingParameters, logits: Float32Array, draws: number): number[] {
  const sampler = new Sampler(parameters);
  const counts = new Array<number>(logits.length).fill(0);
  for (let i = 0; i < draws; i++) counts[sampler.sample(logits)]++;
  return counts.map((count) => count / draws);
}

describe('Pcg32', () => {
  it('gives the published sequence of seed 42, stream 54 (pcg32-demo)', () => {
    const random = new Pcg32(42, 54);
    const drawn = Array.from({ length: 6 }, () => random.nextUint32());
    expect(drawn).toEqual([0xa15c02b7, 0x7b47f409, 0xba1d3330, 0x83d2f293, 0xbfa4784b, 0xcbed606e]);
  });

  it('is uniform in [0, 1), also with negative seeds', () => {
    const random = new Pcg32(-5);
    const numbers = Array.from({ length: 20_000 }, () => random.nextUniform());
    expect(numbers.every((u) => u >= 0 && u < 1)).toBe(true);
    for (let tenth = 0; tenth < 10; tenth++) {
      const share = numbers.filter((u) => Math.floor(u * 10) === tenth).length / numbers.length;
      expect(Math.abs(share - 0.1)).toBeLessThan(0.01);
    }
  });
});

describe('largest', () => {
  it('equals a full sort, ties to the lower id', () => {
    const logits = fc.array(fc.integer({ min: -3, max: 3 }), { maxLength: 50 });
    fc.assert(
      fc.property(logits, fc.nat(60), (numbers, count) => {
        const expected = numbers.map((_, id) => id).sort((a, b) => numbers[b] - numbers[a] || a - b);
        expect([...largest(Float32Array.from(numbers), count)]).toEqual(expected.slice(0, count));
      }),
    );
  });
});

describe('greedy', () => {
  it('takes the largest logit, of equal ones the lowest id', () => {
    expect(new Sampler(greedy).sample(Float32Array.of(1, 5, 2, 5))).toBe(1);
  });

  it('is penalised too', () => {
    const sampler = new Sampler({ ...greedy, repetitionPenalty: 2 });
    const logits = Float32Array.of(3, 2.5, -1);
    expect([sampler.sample(logits), sampler.sample(logits), sampler.sample(logits)]).toEqual([0, 1, 0]);
  });

  it('refuses logits that are not numbers', () => {
    for (const wrong of [
      Float32Array.of(1, NaN),
      Float32Array.of(NaN, 1),
      Float32Array.of(-Infinity, -Infinity),
    ]) {
      expect(() => new Sampler(greedy).sample(wrong)).toThrow('not numbers');
    }
  });
});

describe('sampling', () => {
  const logits = logitsOf(0.5, 0.3, 0.15, 0.05);
  const draws = 20_000;
  // five standard deviations of a share of draws
  const tolerance = 5 * Math.sqrt(0.25 / draws);

  it.each([
    ['the model itself', {}, [0.5, 0.3, 0.15, 0.05]],
    ['top-k 2', { topK: 2 }, [0.625, 0.375, 0, 0]],
    ['top-p 0.79: the third is needed only above 0.8', { topP: 0.79 }, [0.625, 0.375, 0, 0]],
    ['top-p 0.81', { topP: 0.81 }, [0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0]],
    ['min-p 0.25 of the largest', { minP: 0.25 }, [0.5 / 0.95, 0.3 / 0.95, 0.15 / 0.95, 0]],
    ['temperature 0.5: squares', { temperature: 0.5 }, [0.25, 0.09, 0.0225, 0.0025].map((p) => p / 0.365)],
    // top-p sees the model's 0.5 + 0.3, not the sharpened 0.68 + 0.25
    [
      'top-p before temperature',
      { topP: 0.9, temperature: 0.5 },
      [0.25, 0.09, 0.0225, 0].map((p) => p / 0.3625),
    ],
    // after top-k 2 the first has 0.625: top-p 0.6 keeps it alone
    ['top-k before top-p', { topK: 2, topP: 0.6 }, [1, 0, 0, 0]],
  ])('%s', (_, change, expected) => {
    const drawn = shares({ ...plain, ...change }, logits, draws);
    for (const [id, share] of drawn.entries()) expect(Math.abs(share - expected[id])).toBeLessThan(tolerance);
  });

  it('repeats for a seed, and differs for another', () => {
    const drawn = (seed: number): number[] => {
      const sampler = new Sampler({ ...plain, seed });
      return Array.from({ length: 50 }, () => sampler.sample(logits));
    };
    expect(drawn(1)).toEqual(drawn(1));
    expect(drawn(1)).not.toEqual(drawn(2));
  });

  it('top-p widens its search until p is reached', () => {
    const flat = new Float32Array(1000);
    expect(distribution(flat, { ...plain, topP: 0.5 }).ids).toHaveLength(500);
    expect(distribution(flat, { ...plain, topP: 0.9995 }).ids).toHaveLength(1000);
  });

  it('never draws an impossible token, and leaves the logits as they are', () => {
    const impossible = Float32Array.of(-Infinity, 0, -Infinity);
    expect(shares(plain, impossible, 100)).toEqual([0, 1, 0]);
    expect([...impossible]).toEqual([-Infinity, 0, -Infinity]);
  });
});

describe('repetition penalty', () => {
  it('divides positive logits and multiplies negative ones, once for each token', () => {
    expect([...penalise(Float32Array.of(2, -2, 2, 0), [0, 1, 0], 2)]).toEqual([1, -4, 2, 0]);
    expect([...penalise(Float32Array.of(2), [5, -1], 2)]).toEqual([2]);
  });

  it('looks at the last tokens of the window only, of the context and of its own', () => {
    const logits = Float32Array.of(4, 3.9, 3.8);
    const sampler = new Sampler({ ...greedy, repetitionPenalty: 2, repetitionWindow: 2 }, [1, 2, 0]);
    // window 2,0 -> 1; window 0,1 -> 2; window 1,2 -> 0
    expect([sampler.sample(logits), sampler.sample(logits), sampler.sample(logits)]).toEqual([1, 2, 0]);
    const without = new Sampler({ ...greedy, repetitionPenalty: 2, repetitionWindow: 0 }, [0, 0]);
    expect([without.sample(logits), without.sample(logits)]).toEqual([0, 0]);
  });
});
