/**
 * The matrices of a llama GGUF in the form that the dense graphs take. Raw bytes are read one layer at a time and
 * dropped as soon as they are repacked; only the embedding stays as the file holds it, for its rows are looked up.
 */
import { AppError } from '../../../shared/errors.ts';
import { dequantise } from '../../formats/index.ts';
import type { GgufFile, TensorInfo } from '../../formats/index.ts';
import { layerTensorName } from '../model-tensors.ts';
import type { LayerTensor } from '../model-tensors.ts';
import type { AttentionInput, FeedForward } from './dense-graphs.ts';
import type { WeightMatrix } from './graph-builder.ts';
import { isQuantised, repackMatrix } from './quantised-matmul.ts';
import type { Repack } from './quantised-matmul.ts';

export interface LayerWeights {
  readonly input: AttentionInput;
  readonly feedForward: FeedForward;
}

/** A tensor as the file holds it. */
export interface RawTensor {
  readonly info: TensorInfo;
  readonly bytes: Uint8Array;
}

export class WeightReader {
  readonly #gguf: GgufFile;
  readonly #repack: Repack;

  /** @param gguf checked by readHyperparameters: every tensor is there in its shape */
  constructor(gguf: GgufFile, repack: Repack) {
    this.#gguf = gguf;
    this.#repack = repack;
  }

  async layer(layer: number): Promise<LayerWeights> {
    const read = (tensor: LayerTensor): Promise<RawTensor> => this.raw(layerTensorName(layer, tensor));
    const [attentionNorm, q, k, v, output, norm, gate, up, down] = await Promise.all([
      read('attn_norm'),
      read('attn_q'),
      read('attn_k'),
      read('attn_v'),
      read('attn_output'),
      read('ffn_norm'),
      read('ffn_gate'),
      read('ffn_up'),
      read('ffn_down'),
    ]);
    return {
      input: { norm: floats(attentionNorm), projections: this.#sideBySide([q, k, v]) },
      feedForward: {
        output: this.matrix([output]),
        norm: floats(norm),
        gate: this.matrix([gate]),
        up: this.matrix([up]),
        down: this.matrix([down]),
      },
    };
  }

  /** a norm's gain */
  async vector(name: string): Promise<Float32Array> {
    return floats(await this.raw(name));
  }

  async raw(name: string): Promise<RawTensor> {
    const info = this.#gguf.tensors.get(name);
    if (info === undefined) throw new AppError('invalid-input', `The model file has no tensor "${name}".`);
    return { info, bytes: await this.#gguf.readTensor(name) };
  }

  /** One matrix of tensors of one type, their rows one after the other. */
  matrix(tensors: readonly RawTensor[]): WeightMatrix {
    const [first] = tensors;
    if (first === undefined) throw new AppError('internal', 'A matrix of no tensors was asked for.');
    const columns = first.info.shape[0] ?? 1;
    const sources = tensors.map((tensor) => ({ bytes: tensor.bytes, rows: rowsOf(tensor.info) }));
    if (isQuantised(first.info.type)) return repackMatrix(first.info.type, sources, columns, this.#repack);
    const rows = sources.reduce((sum, source) => sum + source.rows, 0);
    const values = new Float32Array(rows * columns);
    let offset = 0;
    for (const tensor of tensors) {
      values.set(floats(tensor), offset);
      offset += rowsOf(tensor.info) * columns;
    }
    return { bits: 32, rows, columns, values };
  }

  #sideBySide(tensors: readonly RawTensor[]): readonly WeightMatrix[] {
    const oneType = tensors.every((tensor) => tensor.info.type === tensors[0]?.info.type);
    return oneType ? [this.matrix(tensors)] : tensors.map((tensor) => this.matrix([tensor]));
  }
}

function floats(tensor: RawTensor): Float32Array {
  const columns = tensor.info.shape[0] ?? 1;
  return dequantise(tensor.info.type, tensor.bytes, rowsOf(tensor.info) * columns);
}

function rowsOf(info: TensorInfo): number {
  return info.shape.slice(1).reduce((product, length) => product * length, 1);
}
