/**
 * What a token costs on a graphics card, counted from the model's header and the plan: no card is needed, and none is
 * touched.
 */
import type { GgufFile } from '../../formats/index.ts';
import { geometryOf } from '../hyperparameters.ts';
import type { MatrixSource } from '../model-tensors.ts';
import { modelSources } from '../model-tensors.ts';
import { visibleKeys } from '../plan/count.ts';
import { compileKinds } from '../plan/layer-kinds.ts';
import type { AttentionPlan, CompiledPlan } from '../plan/types.ts';
import type { Hyperparameters } from '../runtime.ts';
import { tileEntries } from './attention-units.ts';
import type { KvBits } from './kernels/index.ts';
import { kvEntryBytes } from './kv-words.ts';
import { weightType } from './matrix-reader.ts';
import { fileRowBytes, packedRowBytes } from './packing.ts';
import { visibleRanges } from './step.ts';

export interface GpuCount {
  /** of decode; matrices that one binding does not hold take more */
  readonly dispatchesPerLayer: number;
  readonly dispatchesPerToken: number;
  readonly weights: {
    /** that a token multiplies by, in the file and as the kernels read them */
    readonly fileBytes: number;
    readonly readBytes: number;
    readonly ratio: number;
  };
  readonly positions: readonly PositionCount[];
}

export interface PositionCount {
  readonly position: number;
  /** keys that the plan shows to one head, in the layers that see furthest */
  readonly keys: number;
  /** bytes of keys and values in all layers and heads: of the plan's keys, and of the tiles that kernels read */
  readonly planBytes: number;
  readonly readBytes: number;
  /** attention of one token in a chunk of 512, all layers and heads: of the plan's keys, and as tiles are computed */
  readonly planFlops: number;
  readonly computedFlops: number;
}

/** The embedding; the rotations of entering keys come once for each kind of layer, sampling takes three more. */
const BESIDES = 1;
/** Rings take keys and values, attention, merge; the matrices of a layer are counted by type. */
const CACHE_DISPATCHES = 3;
const chunkRows = 512;

/** The plan in the layers of one kind. */
interface Kind {
  readonly compiled: CompiledPlan;
  readonly layers: number;
}

/** @throws AppError 'unsupported' for a tensor that has no kernel */
export function countGpuWork(
  gguf: Pick<GgufFile, 'tensors'>,
  h: Hyperparameters,
  plan: AttentionPlan,
  { kvBits = 16, positions }: { readonly kvBits?: KvBits; readonly positions: readonly number[] },
): GpuCount {
  let fileBytes = 0;
  let readBytes = 0;
  /** @returns dispatches: neighbours of one type share one */
  const product = (...matrices: readonly MatrixSource[]): number => {
    const types = matrices.map((source) => {
      const type = weightType(source);
      fileBytes += fileRowBytes(type, source.columns) * source.rows;
      readBytes += packedRowBytes(type, source.columns) * source.rows;
      return type;
    });
    return types.filter((type, i) => type !== types[i - 1]).length;
  };
  const sources = modelSources(gguf, h);
  const perLayer = sources.layers.map((layer) => {
    const norms = [layer.postAttentionNorm, layer.postFeedForwardNorm].filter((norm) => norm !== null);
    return (
      product(layer.q, layer.k, layer.v) +
      product(layer.output) +
      product(layer.gate, layer.up) +
      product(layer.down) +
      norms.length +
      CACHE_DISPATCHES
    );
  });
  const head = product(sources.output);
  const kinds = compileKinds(plan, geometryOf(h), h.attentionKinds).map((compiled, kind) => ({
    compiled,
    layers: h.layerKinds.filter((each) => each === kind).length,
  }));
  return {
    dispatchesPerLayer: Math.max(...perLayer),
    dispatchesPerToken: perLayer.reduce((sum, each) => sum + each, BESIDES + kinds.length + head),
    weights: { fileBytes, readBytes, ratio: readBytes / fileBytes },
    positions: positions.map((position) => countPosition(kinds, kvBits, position)),
  };
}

function countPosition(kinds: readonly Kind[], kvBits: KvBits, position: number): PositionCount {
  const counts = kinds.map((kind) => countKind(kind, kvBits, position));
  const sum = (of: keyof (typeof counts)[number]): number =>
    counts.reduce((total, count) => total + count[of], 0);
  const { exact, sparse } = visibleKeys(kinds[0].compiled, position);
  return {
    position,
    keys: exact + sparse,
    planBytes: sum('planBytes'),
    readBytes: sum('readBytes'),
    planFlops: sum('planFlops'),
    computedFlops: sum('computedFlops'),
  };
}

function countKind({ compiled, layers }: Kind, bits: KvBits, position: number) {
  const bytesPerKey = kvEntryBytes({ headDim: compiled.geometry.headDim, bits });
  const visible = visibleRanges(compiled, position, 1);
  let keysOfAll = 0;
  let read = 0;
  for (let at = 0; at < visible.length; at += 2) {
    const [first, end] = [visible[at], visible[at + 1]];
    keysOfAll += end - first;
    if (end > first) read += (Math.ceil(end / tileEntries) - Math.floor(first / tileEntries)) * tileEntries;
  }
  return {
    planBytes: keysOfAll * bytesPerKey * layers,
    readBytes: read * bytesPerKey * layers,
    ...flopsPerToken(compiled, position, layers),
  };
}

/** 4 operations for each dimension of a query and an entry; a tile is computed for all rows when one row sees it. */
function flopsPerToken(
  compiled: CompiledPlan,
  position: number,
  layers: number,
): Pick<PositionCount, 'planFlops' | 'computedFlops'> {
  const { rings, geometry } = compiled;
  const visible = visibleRanges(compiled, position, chunkRows);
  let seen = 0;
  let computed = 0;
  for (const [index, { headCount }] of rings.entries()) {
    let [first, end] = [Infinity, 0];
    for (let at = 2 * index; at < visible.length; at += 2 * rings.length) {
      if (visible[at + 1] <= visible[at]) continue;
      seen += (visible[at + 1] - visible[at]) * headCount;
      [first, end] = [Math.min(first, visible[at]), Math.max(end, visible[at + 1])];
    }
    if (end === 0) continue;
    const tiles = Math.ceil(end / tileEntries) - Math.floor(first / tileEntries);
    computed += tiles * tileEntries * chunkRows * headCount;
  }
  const perEntry = (4 * geometry.headDim * layers) / chunkRows;
  return { planFlops: seen * perEntry, computedFlops: computed * perEntry };
}
