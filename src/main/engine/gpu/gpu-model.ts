/** The weights on the device, the buffers between the kernels, and the dense part of the forward pass. */
import { AppError } from '../../../shared/errors.ts';
import type { GgufFile } from '../../formats/index.ts';
import type { LayerTensor } from '../model-tensors.ts';
import { layerTensorName, outputTensorName } from '../model-tensors.ts';
import type { Hyperparameters } from '../runtime.ts';
import type { Activations } from './activations.ts';
import { createActivations } from './activations.ts';
import type { Device } from './device.ts';
import type { KernelPass } from './kernel-pass.ts';
import type { GpuCache, PreparedChunk } from './gpu-cache.ts';
import type { AttentionPipelines, KvBits } from './kernels/index.ts';
import { Kernels } from './kernels/index.ts';
import type { MatrixPart } from './matrices.ts';
import { Matmul, MatrixReader, planeBindings } from './matrices.ts';
import { blocksOf, padded } from './packing.ts';

/** Dimensions of a head that the attention kernels have room for. */
const LARGEST_HEAD = 256;

/** Rings take keys and values, attention, merge. */
const CACHE_DISPATCHES = 3;

export interface LoadOptions {
  readonly maxRows: number;
  readonly kvBits: KvBits;
  /** see Kernels */
  readonly tiled: boolean;
  /** bytes; larger matrices are split over buffers */
  readonly largestPlane: number;
}

interface Layer {
  readonly qkv: Matmul;
  readonly output: Matmul;
  readonly gateUp: Matmul;
  readonly down: Matmul;
}

interface EmbeddingPart {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
}

interface Parts {
  readonly kernels: Kernels;
  readonly buffers: Activations;
  readonly attention: AttentionPipelines;
  readonly embedding: readonly EmbeddingPart[];
  readonly layers: readonly Layer[];
  readonly head: Matmul;
}

export class GpuModel {
  readonly buffers: Activations;
  readonly attention: AttentionPipelines;
  readonly kernels: Kernels;
  readonly #device: Device;
  readonly #width: number;
  readonly #parts: Parts;

  private constructor(device: Device, h: Hyperparameters, parts: Parts) {
    this.#device = device;
    this.#width = h.embedding;
    this.#parts = parts;
    this.buffers = parts.buffers;
    this.attention = parts.attention;
    this.kernels = parts.kernels;
  }

  /** @throws AppError 'unsupported' when the adapter has no room for it, or a kernel not for its shape */
  static async load(
    gguf: GgufFile,
    h: Hyperparameters,
    device: Device,
    options: LoadOptions,
  ): Promise<GpuModel> {
    if (h.headDim > LARGEST_HEAD || h.headDim % 4 !== 0) {
      throw new AppError(
        'unsupported',
        `Heads of ${String(h.headDim)} dimensions: the graphics kernels take multiples of 4 up to ${String(LARGEST_HEAD)}.`,
        'Use --backend cpu.',
      );
    }
    const loader = new Loader(gguf, h, device, createActivations(device, h, options.maxRows), options);
    return new GpuModel(device, h, await loader.load());
  }

  /** Dispatches of one token's pass: in each layer, and besides. */
  get dispatches(): { readonly perLayer: number; readonly besides: number } {
    const { layers, embedding, head } = this.#parts;
    const [{ qkv, output, gateUp, down }] = layers;
    const perLayer = [qkv, output, gateUp, down].reduce(
      (sum, each) => sum + each.dispatches,
      CACHE_DISPATCHES,
    );
    // the rotations of the entering keys are the one more
    return { perLayer, besides: embedding.length + 1 + head.dispatches };
  }

  /** To the device, directly before the submission that needs it. @param wanted rows of logits, the last ones */
  upload(ids: Int32Array, wanted: number): void {
    this.#device.gpu.queue.writeBuffer(this.buffers.ids, 0, Uint32Array.from(ids));
    this.uploadStep(ids.length, wanted);
  }

  /** The same without the ids: they are on the device already. */
  uploadStep(rows: number, wanted: number): void {
    this.#device.gpu.queue.writeBuffer(this.buffers.step, 0, Uint32Array.of(rows, 0));
    this.uploadHead(wanted, rows - wanted);
  }

  uploadHead(wanted: number, firstRow: number): void {
    this.#device.gpu.queue.writeBuffer(this.buffers.headStep, 0, Uint32Array.of(wanted, firstRow));
  }

  /** Everything from the ids to the logits of the last `wanted` rows. */
  encodeForward(pass: KernelPass, cache: GpuCache, chunk: PreparedChunk, wanted: number): void {
    const { rows } = chunk;
    this.#encodeEmbedding(pass, rows);
    cache.encodeKeyTurns(pass, chunk);
    for (const [index, { qkv, output, gateUp, down }] of this.#parts.layers.entries()) {
      qkv.encode(pass, rows);
      cache.encodeLayer(pass, index, chunk);
      output.encode(pass, rows);
      gateUp.encode(pass, rows);
      down.encode(pass, rows);
    }
    if (wanted > 0) this.encodeHead(pass, wanted);
  }

  #encodeEmbedding(pass: KernelPass, rows: number): void {
    for (const { pipeline, group } of this.#parts.embedding) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(Math.ceil(blocksOf(this.#width) / 64), rows);
    }
  }

  /** Logits of the rows that `uploadHead` says. */
  encodeHead(pass: KernelPass, wanted: number): void {
    this.#parts.head.encode(pass, wanted);
  }
}

/** Reads the file tensor by tensor: in this process's memory there is never more than one of them, twice. */
class Loader {
  readonly #gguf: GgufFile;
  readonly #h: Hyperparameters;
  readonly #device: Device;
  readonly #buffers: Activations;
  readonly #kvBits: KvBits;
  readonly #kernels: Kernels;
  readonly #matrices: MatrixReader;

  constructor(
    gguf: GgufFile,
    h: Hyperparameters,
    device: Device,
    buffers: Activations,
    { largestPlane, kvBits, tiled }: LoadOptions,
  ) {
    this.#gguf = gguf;
    this.#h = h;
    this.#device = device;
    this.#buffers = buffers;
    this.#kvBits = kvBits;
    this.#kernels = new Kernels(device.gpu, tiled);
    this.#matrices = new MatrixReader(gguf, device, largestPlane);
  }

  async load(): Promise<Parts> {
    const kernels = this.#kernels;
    const table = await this.#matrices.read(['token_embd.weight']);
    const outputName = outputTensorName(this.#gguf);
    const output = outputName === 'token_embd.weight' ? table : await this.#matrices.read([outputName]);
    const layers: Layer[] = [];
    for (let layer = 0; layer < this.#h.layers; layer++) layers.push(await this.#layer(layer));
    return {
      kernels,
      buffers: this.#buffers,
      attention: await kernels.attention(this.#h.headDim, this.#kvBits),
      embedding: await Promise.all(table.map((part) => this.#embedding(part))),
      layers,
      head: await this.#head(output),
    };
  }

  async #embedding(part: MatrixPart): Promise<EmbeddingPart> {
    const pipeline = await this.#kernels.embedding(part.type);
    const { step, ids, x } = this.#buffers;
    // struct Shape of embedding.wgsl
    const shape = this.#device.uniform(Uint32Array.of(blocksOf(part.columns), part.start, part.outputs));
    const group = this.#device.bindGroup(pipeline, {
      0: step,
      1: shape,
      2: ids,
      ...planeBindings(part),
      6: x,
    });
    return { pipeline, group };
  }

  async #layer(layer: number): Promise<Layer> {
    const { step, x, qkv, qkvStride, attention, hidden, inverseRms } = this.#buffers;
    const { embedding, feedForward, rmsEpsilon: epsilon } = this.#h;
    const name = (tensor: LayerTensor): string => layerTensorName(layer, tensor);
    const matrix = (tensors: readonly LayerTensor[], starts?: readonly number[]) =>
      this.#matrices.read(tensors.map(name), starts);
    const normed = { input: 'normed', output: 'store' } as const;
    const up = padded(feedForward);
    const residual = { step, y: x, stride: padded(embedding) };
    return {
      qkv: await this.#matmul(await matrix(['attn_q', 'attn_k', 'attn_v']), normed, {
        ...{ step, x, y: qkv, stride: qkvStride, epsilon, inverseRms },
        gain: await this.#matrices.gain(name('attn_norm')),
      }),
      output: await this.#matmul(
        await matrix(['attn_output']),
        { input: 'plain', output: 'add' },
        { ...residual, x: attention },
      ),
      gateUp: await this.#matmul(await matrix(['ffn_gate', 'ffn_up'], [0, up]), normed, {
        ...{ step, x, y: hidden, stride: 2 * up, epsilon, inverseRms },
        gain: await this.#matrices.gain(name('ffn_norm')),
      }),
      down: await this.#matmul(
        await matrix(['ffn_down']),
        { input: 'swiglu', output: 'add' },
        { ...residual, x: hidden },
      ),
    };
  }

  async #head(matrix: readonly MatrixPart[]): Promise<Matmul> {
    const { headStep: step, x, logits: y, inverseRms } = this.#buffers;
    const { vocabulary: stride, rmsEpsilon: epsilon } = this.#h;
    const gain = await this.#matrices.gain('output_norm.weight');
    return this.#matmul(
      matrix,
      { input: 'normed', output: 'store' },
      {
        ...{ step, x, y, stride, epsilon, gain, inverseRms },
      },
    );
  }

  #matmul(
    matrix: readonly MatrixPart[],
    variant: Parameters<typeof Matmul.create>[3],
    buffers: Parameters<typeof Matmul.create>[4],
  ): Promise<Matmul> {
    return Matmul.create(this.#device, this.#kernels, matrix, variant, buffers);
  }
}
