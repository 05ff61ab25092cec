/** The weights on the device, the buffers between the kernels, and the dense part of the forward pass. */
import { AppError } from '../../../shared/errors.ts';
import type { GgufFile } from '../../formats/index.ts';
import type { Hyperparameters } from '../runtime.ts';
import type { Activations } from './activations.ts';
import { createActivations } from './activations.ts';
import type { Device } from './device.ts';
import type { KernelPass } from './kernel-pass.ts';
import type { GpuCache, PreparedChunk } from './gpu-cache.ts';
import type { AttentionPipelines, Kernels } from './kernels/index.ts';
import type { LoadOptions, ModelParts } from './model-loader.ts';
import { ModelLoader } from './model-loader.ts';
import { blocksOf } from './packing.ts';

/** Dimensions of a head that the attention kernels have room for. */
const LARGEST_HEAD = 256;

/** Rings take keys and values, attention, merge. */
const CACHE_DISPATCHES = 3;

export class GpuModel {
  readonly buffers: Activations;
  readonly attention: AttentionPipelines;
  readonly kernels: Kernels;
  /** of each layer's queries and keys, f32 [q | k][headDim], or null */
  readonly headGains: readonly (GPUBuffer | null)[];
  readonly #device: Device;
  readonly #width: number;
  readonly #kinds: number;
  readonly #parts: ModelParts;

  private constructor(device: Device, h: Hyperparameters, parts: ModelParts) {
    this.#device = device;
    this.#width = h.embedding;
    this.#kinds = h.attentionKinds.length;
    this.#parts = parts;
    this.buffers = parts.buffers;
    this.attention = parts.attention;
    this.kernels = parts.kernels;
    this.headGains = parts.layers.map(({ headGains }) => headGains);
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
    const buffers = createActivations(device, h, options.maxRows);
    return new GpuModel(device, h, await new ModelLoader(gguf, h, device, buffers, options).load());
  }

  /** Dispatches of one token's pass: in each layer, and besides. */
  get dispatches(): { readonly perLayer: number; readonly besides: number } {
    const { layers, embedding, head } = this.#parts;
    const [{ qkv, output, gateUp, down, postAttention, postFeedForward }] = layers;
    const perLayer = [qkv, output, postAttention, gateUp, down, postFeedForward].reduce(
      (sum, each) => sum + (each?.dispatches ?? 0),
      CACHE_DISPATCHES,
    );
    // the rotations of the entering keys, once for each kind of layer
    return { perLayer, besides: embedding.length + this.#kinds + head.dispatches };
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
    this.encodeEntry(pass, cache, chunk);
    for (let layer = 0; layer < this.#parts.layers.length; layer++)
      this.encodeLayer(pass, cache, layer, chunk);
    if (wanted > 0) this.encodeHead(pass, wanted);
  }

  /** From the ids to the first layer's keys and values in its rings. */
  encodeEntry(pass: KernelPass, cache: GpuCache, chunk: PreparedChunk): void {
    this.#encodeEmbedding(pass, chunk.rows);
    cache.encodeKeyTurns(pass, chunk);
    this.#encodeKeysAndValues(pass, cache, 0, chunk);
  }

  /** From a layer's attention to the next layer's keys and values in its rings. */
  encodeLayer(pass: KernelPass, cache: GpuCache, index: number, chunk: PreparedChunk): void {
    const { rows } = chunk;
    const { output, postAttention, gateUp, down, postFeedForward } = this.#parts.layers[index];
    cache.encodeAttention(pass, index, chunk);
    output.encode(pass, rows);
    postAttention?.encode(pass, rows);
    gateUp.encode(pass, rows);
    down.encode(pass, rows);
    postFeedForward?.encode(pass, rows);
    if (index + 1 < this.#parts.layers.length) this.#encodeKeysAndValues(pass, cache, index + 1, chunk);
  }

  #encodeKeysAndValues(pass: KernelPass, cache: GpuCache, layer: number, chunk: PreparedChunk): void {
    this.#parts.layers[layer].qkv.encode(pass, chunk.rows);
    cache.encodeWrite(pass, layer, chunk);
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
