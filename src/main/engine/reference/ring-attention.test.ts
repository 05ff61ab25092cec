import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { visibleKeysOf } from '../plan/count.ts';
import { arbitraryPlan } from '../plan/testing/arbitrary-plan.ts';
import type { CompiledPlan } from '../plan/types.ts';
import { nmse } from '../testing/nmse.ts';
import { normalNumbers } from '../testing/random-rows.ts';
import { ReferenceCache } from './reference-cache.ts';
import { prepareChunk, ringAttention } from './ring-attention.ts';
import { rotate, rotationTable, xposScaleBase, xposZeta } from './rope.ts';

const headDim = 8;
const frequencies = Float64Array.from({ length: headDim / 2 }, (_, i) => 100 ** ((-2 * i) / headDim));

/** q, k, v of `tokens` rows of one layer, unrotated */
interface Rows {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
}

function randomRows({ geometry }: CompiledPlan, tokens: number, seed: number): Rows {
  return {
    q: normalNumbers(tokens * geometry.heads * headDim, seed),
    k: normalNumbers(tokens * geometry.kvHeads * headDim, seed + 1),
    v: normalNumbers(tokens * geometry.kvHeads * headDim, seed + 2),
  };
}

/** Through the cache, chunk by chunk. */
function throughCache(compiled: CompiledPlan, rows: Rows, tokens: number, chunk: number): Float32Array {
  const { heads, kvHeads } = compiled.geometry;
  const cache = new ReferenceCache(compiled, [compiled], chunk);
  const out = new Float32Array(rows.q.length);
  for (let position = 0; position < tokens; position += chunk) {
    const count = Math.min(chunk, tokens - position);
    const slice = (x: Float32Array, width: number): Float32Array =>
      x.subarray(position * width, (position + count) * width);
    cache.take(0, count, slice(rows.k, kvHeads * headDim), slice(rows.v, kvHeads * headDim));
    const prepared = prepareChunk(compiled, frequencies, position, count);
    const target = slice(out, heads * headDim);
    cache.commit(count, ringAttention(prepared, cache.stores(0), slice(rows.q, heads * headDim), target));
  }
  return out;
}

/**
 * The same from the list of visible keys, each at its relative position: the query is rotated by it, the key not at
 * all, and one softmax goes over the list.
 */
function fromLists(compiled: CompiledPlan, { q, k, v }: Rows, position: number): Float32Array {
  const { heads, kvHeads } = compiled.geometry;
  const out = new Float32Array(heads * headDim);
  for (let head = 0; head < heads; head++) {
    const kvHead = Math.floor((head * kvHeads) / heads);
    const scored = visibleKeysOf(compiled, head, position).map(({ key, relativePosition }) => {
      const exponent = (position - key) / xposScaleBase;
      const isXpos = compiled.plan.positions === 'xpos';
      const query = new Float64Array(headDim);
      const table = rotationTable(Float64Array.of(relativePosition), frequencies);
      rotate(q, (position * heads + head) * headDim, headDim, table, 0, query, 0);
      const from = (key * kvHeads + kvHead) * headDim;
      let score = 0;
      for (let i = 0; i < headDim; i++) {
        const decay = isXpos ? xposZeta(i >> 1, headDim / 2) ** exponent : 1;
        score += decay * query[i] * k[from + i];
      }
      return { weight: Math.exp(score / Math.sqrt(headDim)), from };
    });
    const sum = scored.reduce((total, { weight }) => total + weight, 0);
    for (const { weight, from } of scored) {
      for (let i = 0; i < headDim; i++) out[head * headDim + i] += (weight / sum) * v[from + i];
    }
  }
  return out;
}

describe('ring attention', () => {
  const tokens = 90;
  const chunk = fc.integer({ min: 1, max: 40 });
  const seed = fc.integer({ min: 0, max: 1000 });

  it('of any plan equals one softmax over the list of visible keys', () => {
    fc.assert(
      fc.property(arbitraryPlan(), chunk, seed, ({ compiled }, rows, from) => {
        const input = randomRows(compiled, tokens, from);
        const out = throughCache(compiled, input, tokens, rows);
        const width = compiled.geometry.heads * headDim;
        for (const position of [0, 1, 17, 40, 63, tokens - 1]) {
          const expected = fromLists(compiled, input, position);
          const actual = out.subarray(position * width, (position + 1) * width);
          expect(nmse(actual, expected)).toBeLessThan(1e-9);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('of any plan gives the same bits for every chunk length', () => {
    fc.assert(
      fc.property(arbitraryPlan(), chunk, seed, ({ compiled }, rows, from) => {
        const input = randomRows(compiled, tokens, from);
        const one = throughCache(compiled, input, tokens, 1);
        expect(throughCache(compiled, input, tokens, rows)).toEqual(one);
      }),
      { numRuns: 40 },
    );
  });

  it('does not look at keys that left the plan: other old tokens, same row', () => {
    fc.assert(
      fc.property(arbitraryPlan(), chunk, ({ compiled }, rows) => {
        const { heads, kvHeads } = compiled.geometry;
        const input = randomRows(compiled, tokens, 1);
        const seen = new Set<number>();
        for (let head = 0; head < heads; head++) {
          for (const { key } of visibleKeysOf(compiled, head, tokens - 1)) seen.add(key);
        }
        const changed = { ...input, k: input.k.slice(), v: input.v.slice() };
        for (let key = 0; key < tokens; key++) {
          if (seen.has(key)) continue;
          changed.k.fill(1e3, key * kvHeads * headDim, (key + 1) * kvHeads * headDim);
          changed.v.fill(1e3, key * kvHeads * headDim, (key + 1) * kvHeads * headDim);
        }
        const last = (out: Float32Array): Float32Array => out.slice((tokens - 1) * heads * headDim);
        const expected = last(throughCache(compiled, input, tokens, rows));
        expect(last(throughCache(compiled, changed, tokens, rows))).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });
});
