/** Speed of the attention kernel alone, for `longleaf bench attention`: products per second and bytes per second. */
import type { RingLayout } from '../src/main/engine/plan/types.ts';
import { loadNative, type NativeCacheSpec, type SimdLevel } from './index.ts';

export interface AttentionBench {
  /** keys that the first row sees before its own chunk */
  readonly keys: number;
  /** rows of one call: 1 = decode, 512 = prefill */
  readonly rows: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly storage?: 'bf16' | 'f32';
  readonly simd?: SimdLevel;
  readonly threads?: number;
  /** how long to repeat, in seconds; default 0.5 */
  readonly seconds?: number;
}

export interface AttentionSpeed {
  /** best time of one call for one layer */
  readonly milliseconds: number;
  /** 10^9 additions and multiplications per second: 4 per key, row, query head and dimension */
  readonly gflops: number;
  /** 10^9 bytes of keys and values per second, each counted once per call */
  readonly gbps: number;
  readonly simd: SimdLevel;
}

/** Together the layers are larger than any cache, so that decode is measured from memory as in a model. */
const coldBytes = 256 * 2 ** 20;
const mostLayers = 64;

/**
 * Dense attention over synthetic keys, best of many calls.
 * @throws Error when a number is out of the addon's range
 */
export function benchAttention(bench: AttentionBench): AttentionSpeed {
  const { keys, rows, heads, kvHeads, headDim, storage = 'bf16', seconds = 0.5 } = bench;
  const native = loadNative();
  const elementBytes = storage === 'bf16' ? 2 : 4;
  const layerBytes = 2 * (keys + rows) * kvHeads * headDim * elementBytes;
  const layers = Math.max(1, Math.min(mostLayers, Math.ceil(coldBytes / layerBytes)));
  const simd = bench.simd ?? native.simd;
  const cache = native.createCache(denseSpec(bench, layers, storage, simd));
  const qkv = Float32Array.from({ length: rows * (heads + 2 * kvHeads) * headDim }, (_, i) =>
    Math.sin(i * 0.7),
  );
  const out = new Float32Array(rows * heads * headDim);
  let best = Infinity;
  try {
    cache.fillSynthetic(keys, 1);
    const end = performance.now() + 1000 * seconds;
    while (best === Infinity || performance.now() < end) {
      cache.begin(rows);
      for (let layer = 0; layer < layers; layer++) {
        const start = performance.now();
        cache.attend(layer, qkv, out);
        best = Math.min(best, performance.now() - start);
      }
    }
  } finally {
    cache.release();
  }
  // row i sees the keys before the chunk and i + 1 of the chunk
  const visible = keys + (rows + 1) / 2;
  return {
    milliseconds: best,
    gflops: (4 * visible * rows * heads * headDim) / best / 1e6,
    gbps: (2 * (keys + rows) * kvHeads * headDim * elementBytes) / best / 1e6,
    simd,
  };
}

function denseSpec(
  { rows, heads, kvHeads, headDim, threads = 1 }: AttentionBench,
  layers: number,
  storage: 'bf16' | 'f32',
  simd: SimdLevel,
): NativeCacheSpec {
  const headCount = heads / kvHeads;
  const rings = Array.from({ length: kvHeads }, (_, kvHead): RingLayout => ({
    kind: 'sliding',
    kvHead,
    firstHead: kvHead * headCount,
    headCount,
    stride: 1,
    residue: 0,
    lo: 0,
    hi: Infinity,
    align: 0,
    sparseQueries: false,
    denseUpTo: 0,
    source: -1,
    slope: 1,
    intercept: 0,
  }));
  return {
    compiled: {
      plan: { name: 'dense', alignment: 'sliding', mixing: 'once', positions: 'rope', sinks: 0 },
      geometry: { heads, kvHeads, headDim, trainedLength: rows },
      rings,
      distanceMap: [{ from: 0, base: 0, slope: 1 }],
      sinkCount: 0,
    },
    layers,
    maxRows: rows,
    storage,
    simd,
    threads,
    inverseFrequencies: Float64Array.from({ length: headDim / 2 }, (_, i) => 10000 ** ((-2 * i) / headDim)),
    xpos: null,
  };
}
