import { describe, expect, it } from 'vitest';
import { mergePairs } from './merge.ts';

/** By the definition: while there is a pair, merge the best one, of equals the leftmost. */
function mergeSlowly(word: string, ranks: ReadonlyMap<string, number>): string[] {
  const symbols = [...word];
  for (;;) {
    let best = -1;
    let bestRank = Infinity;
    for (let i = 0; i + 1 < symbols.length; i++) {
      const rank = ranks.get(`${symbols[i]} ${symbols[i + 1]}`) ?? Infinity;
      if (rank < bestRank) [best, bestRank] = [i, rank];
    }
    if (best < 0) return symbols;
    symbols.splice(best, 2, symbols[best] + symbols[best + 1]);
  }
}

function mergeFast(word: string, ranks: ReadonlyMap<string, number>): string[] {
  const symbols = [...word];
  const next = mergePairs(symbols.length, {
    pairOf: (left, right) => ranks.get(`${symbols[left]} ${symbols[right]}`) ?? -1,
    priority: (rank) => rank,
    merge: (left, right) => {
      symbols[left] += symbols[right];
    },
  });
  const result: string[] = [];
  for (let i = symbols.length === 0 ? -1 : 0; i >= 0; i = next[i]) result.push(symbols[i]);
  return result;
}

describe('mergePairs', () => {
  it('does what the definition says, on random words and merges', () => {
    let state = 7;
    const random = (below: number): number => (state = (state * 48_271) % 0x7fffffff) % below;
    for (let round = 0; round < 300; round++) {
      const known = ['a', 'b', 'c'];
      const ranks = new Map<string, number>();
      for (let rank = 0; rank < 25; rank++) {
        const [left, right] = [known[random(known.length)], known[random(known.length)]];
        if (!ranks.has(`${left} ${right}`)) ranks.set(`${left} ${right}`, rank);
        known.push(left + right);
      }
      const word = Array.from({ length: random(60) }, () => 'abc'[random(3)]).join('');
      expect(mergeFast(word, ranks)).toEqual(mergeSlowly(word, ranks));
    }
  });
});
