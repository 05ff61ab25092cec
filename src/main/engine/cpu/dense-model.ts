/**
 * The dense part of a model: its tensors packed for the native kernels, and the description of the model that they
 * follow. It knows nothing of attention: `cpu-runtime.ts` calls entry, joints and logits around it.
 */
import type { GgufFile } from '../../formats/index.ts';
import { modelSources } from '../model-tensors.ts';
import type { LayerSources, VectorSource } from '../model-tensors.ts';
import { queryScales } from '../rope.ts';
import type { Hyperparameters } from '../runtime.ts';
import type {
  NativeAddon,
  NativeDense,
  NativeDenseLayer,
  NativeDenseSpec,
  DenseLevel,
} from './native-contract.ts';
import { packedWeights } from './packed-file.ts';
import type { PackedFileOptions } from './packed-file.ts';
import { readVector, WeightLayout } from './packed-weights.ts';

/**
 * Maps the packed weights, or packs them, tensor after tensor, so that no more than one is held twice.
 * @param gguf checked by readHyperparameters; not needed afterwards
 * @throws AppError 'invalid-input' when the file became unreadable or holds numbers that are none
 */
export async function loadDense(
  gguf: GgufFile,
  hyperparameters: Hyperparameters,
  native: NativeAddon,
  options: { readonly dense?: DenseLevel; readonly packed?: PackedFileOptions } = {},
): Promise<NativeDense> {
  const layout = new WeightLayout(native);
  const spec = await denseSpec(gguf, hyperparameters, layout);
  const weights = await packedWeights(gguf, layout, native, options.packed ?? null);
  return new native.NativeDense(
    weights,
    options.dense === undefined ? spec : { ...spec, simd: options.dense },
  );
}

async function denseSpec(gguf: GgufFile, h: Hyperparameters, layout: WeightLayout): Promise<NativeDenseSpec> {
  const sources = modelSources(gguf, h);
  const layers: NativeDenseLayer[] = [];
  const scales = queryScales(h);
  for (const layer of sources.layers)
    layers.push({ ...(await denseLayer(gguf, layer, layout)), queryScales: scales });
  const head = layout.matrix([sources.output]);
  const tied = sources.output.tensor === sources.embedding.tensor;
  return {
    embedding: h.embedding,
    heads: h.heads,
    kvHeads: h.kvHeads,
    headDim: h.headDim,
    feedForward: h.feedForward,
    vocabulary: h.vocabulary,
    epsilon: h.rmsEpsilon,
    embeddingScale: h.embeddingScale,
    logitSoftCap: h.logitSoftCap,
    activation: h.activation,
    layers,
    outputNorm: await readVector(gguf, sources.outputNorm),
    head,
    tokens: tied ? head : layout.matrix([sources.embedding]),
  };
}

async function denseLayer(
  gguf: GgufFile,
  sources: LayerSources,
  layout: WeightLayout,
): Promise<Omit<NativeDenseLayer, 'queryScales'>> {
  const vector = (source: VectorSource): Promise<Float32Array> => readVector(gguf, source);
  const optional = async (source: VectorSource | null): Promise<Float32Array | null> =>
    source === null ? null : await vector(source);
  const { biases, qkNorms } = sources;
  return {
    attentionNorm: await vector(sources.attentionNorm),
    qkv: layout.matrix([sources.q, sources.k, sources.v]),
    biases:
      biases === null
        ? null
        : joined([await vector(biases.q), await vector(biases.k), await vector(biases.v)]),
    queryNorm: qkNorms === null ? null : await vector(qkNorms.q),
    keyNorm: qkNorms === null ? null : await vector(qkNorms.k),
    output: layout.matrix([sources.output]),
    postAttentionNorm: await optional(sources.postAttentionNorm),
    feedForwardNorm: await vector(sources.feedForwardNorm),
    gate: layout.matrix([sources.gate]),
    up: layout.matrix([sources.up]),
    down: layout.matrix([sources.down]),
    postFeedForwardNorm: await optional(sources.postFeedForwardNorm),
  };
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
