/** All weights of a GGUF as f32: 4 bytes a parameter, the price of readable arithmetic. */
import type { GgufFile } from '../../formats/index.ts';
import { dequantise } from '../../formats/index.ts';
import type { LayerSources, MatrixSource } from '../model-tensors.ts';
import { modelSources } from '../model-tensors.ts';
import type { Hyperparameters } from '../runtime.ts';

/** f32 [rows][columns] for each source, RoPE's pairs interleaved */
type Read<T> = {
  readonly [K in keyof T]: T[K] extends MatrixSource
    ? Float32Array
    : T[K] extends MatrixSource | null
      ? Float32Array | null
      : Read<T[K]>;
};

export type LayerWeights = Read<LayerSources>;

export interface ReferenceWeights {
  /** f32 [vocabulary][embedding] */
  readonly embedding: Float32Array;
  readonly layers: readonly LayerWeights[];
  readonly outputNorm: Float32Array;
  /** f32 [vocabulary][embedding]; the embedding itself where the two are tied */
  readonly output: Float32Array;
}

/** @param h as `readHyperparameters` found them: every tensor has been checked */
export async function readWeights(gguf: GgufFile, h: Hyperparameters): Promise<ReferenceWeights> {
  const sources = modelSources(gguf, h);
  const read = (source: MatrixSource): Promise<Float32Array> => readSource(gguf, source);
  const embedding = await read(sources.embedding);
  const layers: LayerWeights[] = [];
  for (const layer of sources.layers) layers.push(await readLayer(layer, read));
  const tied = sources.output.tensor === sources.embedding.tensor;
  return {
    embedding,
    layers,
    outputNorm: await read(sources.outputNorm),
    output: tied ? embedding : await read(sources.output),
  };
}

async function readLayer(
  layer: LayerSources,
  read: (source: MatrixSource) => Promise<Float32Array>,
): Promise<LayerWeights> {
  const optional = async (source: MatrixSource | null): Promise<Float32Array | null> =>
    source === null ? null : await read(source);
  const { biases, qkNorms } = layer;
  return {
    attentionNorm: await read(layer.attentionNorm),
    q: await read(layer.q),
    k: await read(layer.k),
    v: await read(layer.v),
    biases:
      biases === null ? null : { q: await read(biases.q), k: await read(biases.k), v: await read(biases.v) },
    qkNorms: qkNorms === null ? null : { q: await read(qkNorms.q), k: await read(qkNorms.k) },
    output: await read(layer.output),
    postAttentionNorm: await optional(layer.postAttentionNorm),
    feedForwardNorm: await read(layer.feedForwardNorm),
    gate: await read(layer.gate),
    up: await read(layer.up),
    down: await read(layer.down),
    postFeedForwardNorm: await optional(layer.postFeedForwardNorm),
  };
}

async function readSource(gguf: GgufFile, source: MatrixSource): Promise<Float32Array> {
  const info = gguf.tensors.get(source.tensor);
  if (info === undefined) throw new Error(`the tensor ${source.tensor} was checked before`);
  const count = info.shape.reduce((product, length) => product * length, 1);
  const { firstRow, rows, columns, headOrder } = source;
  const all = dequantise(info.type, await gguf.readTensor(source.tensor), count);
  const wanted = rows * columns === count ? all : all.slice(firstRow * columns, (firstRow + rows) * columns);
  return headOrder === null ? wanted : reordered(wanted, columns, headOrder);
}

/** Row i of each head becomes the head's row order[i]. */
function reordered(values: Float32Array, columns: number, order: Int32Array): Float32Array {
  const out = new Float32Array(values.length);
  for (let row = 0; row * columns < values.length; row++) {
    const within = row % order.length;
    const source = (row - within + order[within]) * columns;
    out.set(values.subarray(source, source + columns), row * columns);
  }
  return out;
}
