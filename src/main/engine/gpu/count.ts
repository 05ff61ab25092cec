/**
 * What a token costs on a graphics card, counted from the model's header and the plan: no card is needed, and none is
 * touched.
 */
import type { GgufFile } from '../../formats/index.ts';
import { layerTensorName, outputTensorName } from '../model-tensors.ts';
import type { LayerTensor } from '../model-tensors.ts';
import { visibleKeys } from '../plan/count.ts';
import type { CompiledPlan } from '../plan/types.ts';
import type { Hyperparameters } from '../runtime.ts';
import { tileEntries } from './attention-units.ts';
import type { KvBits } from './kernels/index.ts';
import { weightType } from './matrices.ts';
import { packedRowBytes } from './packing.ts';
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
  /** keys that the plan shows to one head */
  readonly keys: number;
  /** bytes of keys and values in all layers and heads: of the plan's keys, and of the tiles that kernels read */
  readonly planBytes: number;
  readonly readBytes: number;
  /** attention of one token in a chunk of 512, all layers and heads: of the plan's keys, and as tiles are computed */
  readonly planFlops: number;
  readonly computedFlops: number;
}

/** Embedding and key turns; sampling takes three more. */
const BESIDES = 2;
/** Rings take keys and values, attention, merge; the matrices of a layer are counted by type. */
const CACHE_DISPATCHES = 3;
const chunkRows = 512;

/** @throws AppError 'unsupported' for a tensor that has no kernel */
export function countGpuWork(
  gguf: Pick<GgufFile, 'tensors'>,
  h: Hyperparameters,
  compiled: CompiledPlan,
  { kvBits = 16, positions }: { readonly kvBits?: KvBits; readonly positions: readonly number[] },
): GpuCount {
  let fileBytes = 0;
  let readBytes = 0;
  /** @returns dispatches: neighbours of one type share one */
  const product = (names: readonly string[]): number => {
    const types = names.map((name) => {
      const info = gguf.tensors.get(name);
      if (info === undefined) return null;
      const [columns = 0] = info.shape;
      const type = weightType(info);
      fileBytes += info.bytes;
      readBytes += packedRowBytes(type, columns) * (info.shape[1] ?? 1);
      return type;
    });
    return types.filter((type, i) => type !== types[i - 1]).length;
  };
  const perLayer = Array.from({ length: h.layers }, (_, layer) => {
    const of = (...tensors: readonly LayerTensor[]): number =>
      product(tensors.map((tensor) => layerTensorName(layer, tensor)));
    return (
      of('attn_q', 'attn_k', 'attn_v') +
      of('attn_output') +
      of('ffn_gate', 'ffn_up') +
      of('ffn_down') +
      CACHE_DISPATCHES
    );
  });
  const head = product([outputTensorName(gguf)]);
  return {
    dispatchesPerLayer: Math.max(...perLayer),
    dispatchesPerToken: perLayer.reduce((sum, each) => sum + each, BESIDES + head),
    weights: { fileBytes, readBytes, ratio: readBytes / fileBytes },
    positions: positions.map((position) => countPosition(h, compiled, kvBits, position)),
  };
}

function countPosition(
  h: Hyperparameters,
  compiled: CompiledPlan,
  kvBits: KvBits,
  position: number,
): PositionCount {
  const { layers, headDim } = h;
  const bytesPerKey = (2 * headDim * kvBits) / 8;
  const visible = visibleRanges(compiled, position, 1);
  let keysOfAll = 0;
  let read = 0;
  for (let at = 0; at < visible.length; at += 2) {
    const [first, end] = [visible[at], visible[at + 1]];
    keysOfAll += end - first;
    if (end > first) read += (Math.ceil(end / tileEntries) - Math.floor(first / tileEntries)) * tileEntries;
  }
  const { exact, sparse } = visibleKeys(compiled, position);
  return {
    position,
    keys: exact + sparse,
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
