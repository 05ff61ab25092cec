/**
 * What every cache with kernels of its own must do: agree with the reference's rings on random rows under plans of
 * every kind, and give the same bits for every chunking. A backend's test calls `describeAttentionConformance`.
 */
import { describe, expect, it } from 'vitest';
import type { NativeCache, NativeCacheSpec } from '../cpu/native-contract.ts';
import { compilePlan } from '../plan/compile.ts';
import type { AttentionPlan, CompiledPlan } from '../plan/types.ts';
import { ReferenceCache } from '../reference/reference-cache.ts';
import { prepareChunk, ringAttention } from '../reference/ring-attention.ts';
import { xposScaleBase } from '../reference/rope.ts';
import { conformanceLength, conformancePlans } from './conformance-plans.ts';
import { nmse } from './nmse.ts';
import { normalNumbers } from './random-rows.ts';

export interface AttentionConformanceOptions {
  /** largest NMSE of one layer's output: `bounds.f32` or `bounds.reduced` */
  readonly bound: number;
  /** default 64 */
  readonly headDim?: number;
  /** default 200 */
  readonly tokens?: number;
  /** c of score = c tanh(score / c); default none */
  readonly softCap?: number;
}

const maxRows = 48;

/** @param createCache of one layer */
export function describeAttentionConformance(
  name: string,
  createCache: (spec: Omit<NativeCacheSpec, 'storage'>) => NativeCache,
  options: AttentionConformanceOptions,
): void {
  const { bound, headDim = 64, tokens = 200, softCap = null } = options;
  const geometry = { heads: 6, kvHeads: 2, headDim, trainedLength: conformanceLength };
  const frequencies = Float64Array.from({ length: headDim / 2 }, (_, i) => 1e4 ** ((-2 * i) / headDim));

  const spec = (plan: AttentionPlan): Omit<NativeCacheSpec, 'storage'> => ({
    compiled: compilePlan(plan, geometry),
    layers: 1,
    maxRows,
    inverseFrequencies: frequencies,
    xpos: plan.positions === 'xpos' ? { scaleBase: xposScaleBase } : null,
    softCap,
  });

  describe(`${name}: attention against the reference`, () => {
    it.each(conformancePlans(geometry))('$name: agrees, row by row', (plan) => {
      const { compiled } = spec(plan);
      const rows = randomRows(compiled, tokens);
      const expected = throughReference(compiled, frequencies, rows, tokens, softCap);
      const actual = throughCache(createCache(spec(plan)), compiled, rows, tokens, [maxRows]);
      expect(nmse(actual, expected)).toBeLessThan(bound);
      // a single wrong row must not hide in the sum over all
      const width = geometry.heads * headDim;
      for (let row = 0; row < tokens; row++) {
        const slice = (x: Float32Array): Float32Array => x.subarray(row * width, (row + 1) * width);
        if (slice(expected).every((value) => value === 0)) expect(slice(actual)).toEqual(slice(expected));
        else expect(nmse(slice(actual), slice(expected)), `row ${String(row)}`).toBeLessThan(20 * bound);
      }
    });

    it.each(conformancePlans(geometry))('$name: same bits for every chunking', (plan) => {
      const { compiled } = spec(plan);
      const rows = randomRows(compiled, tokens);
      const whole = throughCache(createCache(spec(plan)), compiled, rows, tokens, [maxRows]);
      for (const chunks of [[1], [17], [47, 1, 1, 30]]) {
        expect(throughCache(createCache(spec(plan)), compiled, rows, tokens, chunks)).toEqual(whole);
      }
    });
  });
}

/** Seeded: f32 [tokens][q | k | v]. */
export function randomRows({ geometry }: CompiledPlan, tokens: number): Float32Array {
  return normalNumbers(tokens * (geometry.heads + 2 * geometry.kvHeads) * geometry.headDim, 11);
}

function throughCache(
  cache: NativeCache,
  { geometry }: CompiledPlan,
  rows: Float32Array,
  tokens: number,
  chunks: readonly number[],
): Float32Array {
  const width = geometry.heads * geometry.headDim;
  const inputWidth = rows.length / tokens;
  const out = new Float32Array(tokens * width);
  for (let done = 0, i = 0; done < tokens; i++) {
    const count = Math.min(chunks[Math.min(i, chunks.length - 1)], tokens - done);
    cache.begin(count);
    const chunk = rows.slice(done * inputWidth, (done + count) * inputWidth);
    cache.attend(0, chunk, out.subarray(done * width, (done + count) * width));
    cache.commit();
    done += count;
  }
  cache.release();
  return out;
}

/** @param rows f32 [tokens][q | k | v]
 * @returns f32 [tokens][heads][headDim] */
export function throughReference(
  compiled: CompiledPlan,
  frequencies: Float64Array,
  rows: Float32Array,
  tokens: number,
  softCap: number | null,
): Float32Array {
  const { heads, kvHeads, headDim } = compiled.geometry;
  const inputWidth = rows.length / tokens;
  const columns = (first: number, count: number): Float32Array => {
    const out = new Float32Array(tokens * count * headDim);
    for (let row = 0; row < tokens; row++) {
      const from = row * inputWidth + first * headDim;
      out.set(rows.subarray(from, from + count * headDim), row * count * headDim);
    }
    return out;
  };
  const cache = new ReferenceCache(compiled, [compiled], tokens);
  cache.take(0, tokens, columns(heads, kvHeads), columns(heads + kvHeads, kvHeads));
  const out = new Float32Array(tokens * heads * headDim);
  const chunk = prepareChunk(compiled, frequencies, 0, tokens, softCap);
  ringAttention(chunk, cache.stores(0), columns(0, heads), out);
  return out;
}
