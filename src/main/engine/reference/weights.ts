/** All weights of a llama GGUF as f32: 4 bytes a parameter, the price of readable arithmetic. */
import type { GgufFile } from '../../formats/index.ts';
import { dequantise } from '../../formats/index.ts';
import type { LayerTensor } from '../hyperparameters.ts';
import { layerTensorName, layerTensors, outputTensorName } from '../hyperparameters.ts';

export type LayerWeights = Readonly<Record<LayerTensor, Float32Array>>;

export interface ReferenceWeights {
  /** f32 [vocabulary][embedding] */
  readonly embedding: Float32Array;
  readonly layers: readonly LayerWeights[];
  readonly outputNorm: Float32Array;
  /** f32 [vocabulary][embedding]; the embedding itself where the two are tied */
  readonly output: Float32Array;
}

/** @param layers as `readHyperparameters` found them: every tensor has been checked */
export async function readWeights(gguf: GgufFile, layers: number): Promise<ReferenceWeights> {
  const embedding = await readTensor(gguf, 'token_embd.weight');
  const output = outputTensorName(gguf);
  const read: LayerWeights[] = [];
  for (let layer = 0; layer < layers; layer++) read.push(await readLayer(gguf, layer));
  return {
    embedding,
    layers: read,
    outputNorm: await readTensor(gguf, 'output_norm.weight'),
    output: output === 'token_embd.weight' ? embedding : await readTensor(gguf, output),
  };
}

async function readLayer(gguf: GgufFile, layer: number): Promise<LayerWeights> {
  const entries: [LayerTensor, Float32Array][] = [];
  for (const tensor of layerTensors) {
    entries.push([tensor, await readTensor(gguf, layerTensorName(layer, tensor))]);
  }
  return Object.fromEntries(entries) as Record<LayerTensor, Float32Array>;
}

async function readTensor(gguf: GgufFile, name: string): Promise<Float32Array> {
  const info = gguf.tensors.get(name);
  if (info === undefined) throw new Error(`the tensor ${name} was checked before`);
  const count = info.shape.reduce((product, length) => product * length, 1);
  return dequantise(info.type, await gguf.readTensor(name), count);
}
