/** How much of the machine the attention kernel uses, at a position of a plan. */
import { loadNative } from '../../../../native/index.ts';
import { visibleKeys } from '../plan/count.ts';
import type { CompiledPlan } from '../plan/types.ts';

export interface AttentionSpeed {
  /** queries of one call */
  readonly rows: number;
  /** keys that the last query of a head sees, the head that sees most */
  readonly keys: number;
  /**
   * ms of one layer: with one thread the mean of its processor time, so that other processes do not count; with
   * several the median by the clock
   */
  readonly msPerLayer: number;
  /** the median by the clock in any case: what a ratio of numbers of threads is taken from */
  readonly clockMsPerLayer: number;
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
  /** layers of a call: their keys and values pass the caches in turn, as in a model */
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
    const call = (): void => {
      cache.begin(rows);
      for (let layer = 0; layer < layers; layer++) cache.attend(layer, qkv, out);
      cache.commit();
    };
    call();
    const { processor, clock } = timed(calls, call);
    const seen = visibleKeys(compiled, position);
    return {
      rows,
      keys: seen.exact + seen.sparse,
      msPerLayer: (threads === 1 ? processor : clock) / layers,
      clockMsPerLayer: clock / layers,
      operations: rows * 4 * headDim * headKeys,
      bytesPerQuery,
    };
  } finally {
    cache.release();
  }
}

/**
 * ms per call: processor time of this thread (the system counts in ticks of up to 4 ms, so only the sum of many calls says
 * something), and the median by the clock.
 */
function timed(calls: number, call: () => void): { readonly processor: number; readonly clock: number } {
  const before = process.threadCpuUsage();
  const ms = Array.from({ length: calls }, () => {
    const start = performance.now();
    call();
    return performance.now() - start;
  }).toSorted((a, b) => a - b);
  const { user, system } = process.threadCpuUsage(before);
  return { processor: (user + system) / 1000 / calls, clock: ms[Math.floor(calls / 2)] };
}

function keysOfAllHeads(compiled: CompiledPlan, position: number): number {
  let keys = 0;
  for (let head = 0; head < compiled.geometry.heads; head++) {
    const { exact, sparse } = visibleKeys(compiled, position, head);
    keys += exact + sparse;
  }
  return keys;
}
