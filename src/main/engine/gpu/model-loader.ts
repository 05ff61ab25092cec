/** From the file to the device, tensor by tensor: in this process's memory there is never more than one of them, twice. */
import type { GgufFile } from '../../formats/index.ts';
import type { LayerSources, MatrixSource, ModelSources, VectorSource } from '../model-tensors.ts';
import { modelSources } from '../model-tensors.ts';
import type { Hyperparameters } from '../runtime.ts';
import type { Activations } from './activations.ts';
import { AddNormed } from './add-normed.ts';
import type { Device } from './device.ts';
import type { AttentionPipelines, Kernels, KvBits } from './kernels/index.ts';
import { Matmul, planeBindings } from './matrices.ts';
import type { MatrixPart } from './matrix-reader.ts';
import { MatrixReader } from './matrix-reader.ts';
import { blocksOf, padded } from './packing.ts';

export interface LoadOptions {
  readonly maxRows: number;
  readonly kvBits: KvBits;
  readonly kernels: Kernels;
  /** bytes; larger matrices are split over buffers */
  readonly largestPlane: number;
}

interface Layer {
  readonly qkv: Matmul;
  /** f32 [q | k][headDim], or null */
  readonly headGains: GPUBuffer | null;
  readonly output: Matmul;
  readonly postAttention: AddNormed | null;
  readonly gateUp: Matmul;
  readonly down: Matmul;
  readonly postFeedForward: AddNormed | null;
}

interface EmbeddingPart {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
}

export interface ModelParts {
  readonly kernels: Kernels;
  readonly buffers: Activations;
  readonly attention: AttentionPipelines;
  readonly embedding: readonly EmbeddingPart[];
  readonly layers: readonly Layer[];
  readonly head: Matmul;
}

export class ModelLoader {
  readonly #h: Hyperparameters;
  readonly #device: Device;
  readonly #buffers: Activations;
  readonly #kvBits: KvBits;
  readonly #kernels: Kernels;
  readonly #matrices: MatrixReader;
  readonly #sources: ModelSources;

  constructor(
    gguf: GgufFile,
    h: Hyperparameters,
    device: Device,
    buffers: Activations,
    { largestPlane, kvBits, kernels }: LoadOptions,
  ) {
    this.#h = h;
    this.#device = device;
    this.#buffers = buffers;
    this.#kvBits = kvBits;
    this.#kernels = kernels;
    this.#matrices = new MatrixReader(gguf, device, largestPlane);
    this.#sources = modelSources(gguf, h);
  }

  async load(): Promise<ModelParts> {
    const kernels = this.#kernels;
    const { embedding, output, layers: sources } = this.#sources;
    const table = await this.#matrices.read([embedding]);
    const isTied = output.tensor === embedding.tensor;
    const layers: Layer[] = [];
    for (const each of sources) layers.push(await this.#layer(each));
    return {
      kernels,
      buffers: this.#buffers,
      attention: await kernels.attention({
        headDim: this.#h.headDim,
        kvBits: this.#kvBits,
        capped: this.#h.attentionSoftCap !== null,
        normed: sources[0].qkNorms !== null,
      }),
      embedding: await Promise.all(table.map((part) => this.#embedding(part))),
      layers,
      head: await this.#head(isTied ? table : await this.#matrices.read([output])),
    };
  }

  async #embedding(part: MatrixPart): Promise<EmbeddingPart> {
    const pipeline = await this.#kernels.embedding(part.type);
    const { step, ids, x } = this.#buffers;
    // struct Shape of embedding.wgsl
    const words = Uint32Array.of(blocksOf(part.columns), part.start, part.outputs, 0);
    new Float32Array(words.buffer)[3] = this.#h.embeddingScale;
    const group = this.#device.bindGroup(pipeline, {
      0: step,
      1: this.#device.uniform(words),
      2: ids,
      ...planeBindings(part),
      6: x,
    });
    return { pipeline, group };
  }

  async #layer(sources: LayerSources): Promise<Layer> {
    const { step, x, qkv, qkvStride, attention, hidden, inverseRms } = this.#buffers;
    const { feedForward, rmsEpsilon: epsilon, activation } = this.#h;
    const { q, k, v, biases, qkNorms } = sources;
    const up = padded(feedForward);
    const normed = async (norm: VectorSource) => ({
      ...{ step, x, epsilon, inverseRms },
      gain: await this.#matrices.vectors([norm]),
    });
    const bias = biases === null ? undefined : await this.#matrices.vectors([biases.q, biases.k, biases.v]);
    const attended = await this.#residual(sources.output, 'plain', attention, sources.postAttentionNorm);
    const act = activation === 'silu' ? 'swiglu' : 'geglu';
    const fed = await this.#residual(sources.down, act, hidden, sources.postFeedForwardNorm);
    return {
      qkv: await this.#matmul(
        await this.#matrices.read([q, k, v]),
        { input: 'normed', output: bias === undefined ? 'store' : 'bias' },
        { ...(await normed(sources.attentionNorm)), y: qkv, stride: qkvStride, bias },
      ),
      headGains: qkNorms === null ? null : await this.#matrices.vectors([qkNorms.q, qkNorms.k]),
      output: attended.product,
      postAttention: attended.normed,
      gateUp: await this.#matmul(
        await this.#matrices.read([sources.gate, sources.up], [0, up]),
        { input: 'normed', output: 'store' },
        { ...(await normed(sources.feedForwardNorm)), y: hidden, stride: 2 * up },
      ),
      down: fed.product,
      postFeedForward: fed.normed,
    };
  }

  /** A product that is added to the residual stream; where the model norms it before, by a kernel of its own. */
  async #residual(
    source: MatrixSource,
    input: 'plain' | 'swiglu' | 'geglu',
    from: GPUBuffer,
    norm: VectorSource | null,
  ): Promise<{ readonly product: Matmul; readonly normed: AddNormed | null }> {
    const { step, x, branch } = this.#buffers;
    const { embedding: columns, rmsEpsilon: epsilon } = this.#h;
    const matrix = await this.#matrices.read([source]);
    const stride = padded(columns);
    if (norm === null || branch === null) {
      const buffers = { step, x: from, y: x, stride };
      return { product: await this.#matmul(matrix, { input, output: 'add' }, buffers), normed: null };
    }
    const gain = await this.#matrices.vectors([norm]);
    return {
      product: await this.#matmul(matrix, { input, output: 'store' }, { step, x: from, y: branch, stride }),
      normed: await AddNormed.create(this.#device, this.#kernels, { branch, x, gain, columns, epsilon }),
    };
  }

  async #head(matrix: readonly MatrixPart[]): Promise<Matmul> {
    const { headStep: step, x, logits: y, inverseRms } = this.#buffers;
    const { vocabulary: stride, rmsEpsilon: epsilon, logitSoftCap } = this.#h;
    const gain = await this.#matrices.vectors([this.#sources.outputNorm]);
    return this.#matmul(
      matrix,
      { input: 'normed', output: logitSoftCap === null ? 'store' : 'capped' },
      { ...{ step, x, y, stride, epsilon, gain, inverseRms }, cap: logitSoftCap ?? undefined },
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
