/** How much of the machine the attention kernel uses, at a position of a plan. */
import { loadNative } from '../../../../native/index.ts';
import { visibleKeys } from '../plan/count.ts';
import type { CompiledPlan } from '../plan/types.ts';

export interface AttentionSpeed {
  readonly simd: string;
  /** queries of one call */
  readonly rows: number;
  /** keys that the last query of a head sees, the head that sees most */
  readonly keys: number;
  /** ms of one layer, of each call */
  readonly ms: readonly number[];
  /** multiplications and additions of one call: 4 headDim per query head and visible key (Q K^T and P V) */
  readonly operations: number;
  /** bytes of keys and values that one query of each KV head must read, 16 bit */
  readonly bytesPerQuery: number;
}

/**
 * Times `calls` calls of one layer with `rows` queries each, from `position` on, over rings full of noise.
 * @param compiled for the model's geometry
 */
export function attentionSpeed(
  compiled: CompiledPlan,
  options: { readonly position: number; readonly rows: number; readonly calls: number },
): AttentionSpeed {
  const { position, rows, calls } = options;
  const { heads, kvHeads, headDim } = compiled.geometry;
  const native = loadNative();
  const cache = native.createCache({
    compiled,
    layers: 1,
    maxRows: rows,
    storage: 'bf16',
    inverseFrequencies: Float64Array.from({ length: headDim / 2 }, (_, i) => 10_000 ** ((-2 * i) / headDim)),
    xpos: null,
  });
  try {
    cache.fillSynthetic(position, 1);
    const qkv = Float32Array.from({ length: rows * (heads + 2 * kvHeads) * headDim }, (_, i) => Math.sin(i));
    const out = new Float32Array(rows * heads * headDim);
    const ms: number[] = [];
    // The first call warms up.
    for (let call = 0; call <= calls; call++) {
      cache.begin(rows);
      const start = performance.now();
      cache.attend(0, qkv, out);
      if (call > 0) ms.push(performance.now() - start);
      cache.commit();
    }
    const seen = visibleKeys(compiled, position);
    return {
      simd: native.simd,
      rows,
      keys: seen.exact + seen.sparse,
      ms,
      operations: rows * 4 * headDim * keysOfAllHeads(compiled, position),
      bytesPerQuery: ((2 * 2 * headDim) / (heads / kvHeads)) * keysOfAllHeads(compiled, position),
    };
  } finally {
    cache.release();
  }
}

function keysOfAllHeads(compiled: CompiledPlan, position: number): number {
  let keys = 0;
  for (let head = 0; head < compiled.geometry.heads; head++) {
    const { exact, sparse } = visibleKeys(compiled, position, head);
    keys += exact + sparse;
  }
  return keys;
}
