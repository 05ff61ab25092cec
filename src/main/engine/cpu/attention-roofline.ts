/** How much of the machine the attention kernel uses, at a position of a plan. */
import { loadNative } from '../../../../native/index.ts';
import type { NativeCache } from './native-contract.ts';
import { visibleKeys } from '../plan/count.ts';
import type { CompiledPlan } from '../plan/types.ts';

export interface AttentionSpeed {
  /** queries of one call */
  readonly rows: number;
  /** keys that the last query of a head sees, the head that sees most */
  readonly keys: number;
  /**
   * ms of one layer, of each call: processor time with one thread, so that other processes do not count; by the clock
   * with several
   */
  readonly ms: readonly number[];
  /** multiplications and additions of one call: 4 headDim per query head and visible key (Q K^T and P V) */
  readonly operations: number;
  /** bytes of keys and values that one query of each KV head must read, 16 bit */
  readonly bytesPerQuery: number;
}

export interface AttentionMeasurement {
  readonly position: number;
  readonly rows: number;
  readonly calls: number;
  readonly threads: number;
  /** layers that a decoded token goes through: their keys and values pass the caches in turn */
  readonly layers: number;
}

/** The machine's limits, measured in the same run. */
export interface MachinePeak {
  readonly simd: string;
  /** floating point operations per second, one thread, of the instruction that the kernel multiplies with; 0: none */
  readonly operationsPerSecond: number;
  readonly bytesPerSecond: number;
}

/** Rings of a bench stay below this, whatever the plan. */
const MOST_BYTES = 512e6;

/** @param threads that read memory together */
export function machinePeak(threads: number): MachinePeak {
  const native = loadNative();
  return { simd: native.simd, ...native.measurePeak(native.simd, threads) };
}

/**
 * Times `calls` calls of each layer with `rows` queries, from `position` on, over rings full of noise.
 * @param compiled for the model's geometry
 */
export function attentionSpeed(compiled: CompiledPlan, measurement: AttentionMeasurement): AttentionSpeed {
  const { position, rows, calls, threads } = measurement;
  const { heads, kvHeads, headDim } = compiled.geometry;
  const headKeys = keysOfAllHeads(compiled, position);
  const bytesPerQuery = ((2 * 2 * headDim) / (heads / kvHeads)) * headKeys;
  const layers = Math.max(1, Math.min(measurement.layers, Math.floor(MOST_BYTES / bytesPerQuery)));
  const cache = loadNative().createCache({
    compiled,
    layers,
    maxRows: rows,
    storage: 'bf16',
    inverseFrequencies: Float64Array.from({ length: headDim / 2 }, (_, i) => 10_000 ** ((-2 * i) / headDim)),
    xpos: null,
    threads,
  });
  try {
    cache.fillSynthetic(position, 1);
    const qkv = Float32Array.from({ length: rows * (heads + 2 * kvHeads) * headDim }, (_, i) => Math.sin(i));
    const out = new Float32Array(rows * heads * headDim);
    const ms: number[] = [];
    // The first call warms up.
    for (let call = 0; call <= calls; call++) {
      cache.begin(rows);
      const spent = timed(threads, () => {
        attendLayers(cache, layers, qkv, out);
      });
      if (call > 0) ms.push(spent / layers);
      cache.commit();
    }
    const seen = visibleKeys(compiled, position);
    return {
      rows,
      keys: seen.exact + seen.sparse,
      ms,
      operations: rows * 4 * headDim * headKeys,
      bytesPerQuery,
    };
  } finally {
    cache.release();
  }
}

function attendLayers(cache: NativeCache, layers: number, qkv: Float32Array, out: Float32Array): void {
  for (let layer = 0; layer < layers; layer++) cache.attend(layer, qkv, out);
}

/** ms */
function timed(threads: number, work: () => void): number {
  if (threads > 1) {
    const start = performance.now();
    work();
    return performance.now() - start;
  }
  const start = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(start);
  return (user + system) / 1000;
}

function keysOfAllHeads(compiled: CompiledPlan, position: number): number {
  let keys = 0;
  for (let head = 0; head < compiled.geometry.heads; head++) {
    const { exact, sparse } = visibleKeys(compiled, position, head);
    keys += exact + sparse;
  }
  return keys;
}
