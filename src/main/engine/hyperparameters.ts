/**
 * What a model file says about its architecture, checked before anything is computed with it: every number has a
 * range, every tensor that the forward pass reads is there with the expected shape and a type that the backends
 * compute with. What is not supported is named.
 */
import type { GgufFile } from '../formats/index.ts';
import type { ArchitectureName } from './architectures.ts';
import { architectures, isSupportedArchitecture, supportedArchitectures } from './architectures.ts';
import { invalid, Metadata, printable, unsupported } from './gguf-metadata.ts';
import { modelSources, rowsOf, tensorOf } from './model-tensors.ts';
import type { PlanGeometry } from './plan/types.ts';
import { readRope } from './rope.ts';
import type { Hyperparameters } from './runtime.ts';

/** What a plan is compiled against. */
export function geometryOf(hyperparameters: Hyperparameters): PlanGeometry {
  const { heads, kvHeads, headDim, trainedLength } = hyperparameters;
  return { heads, kvHeads, headDim, trainedLength };
}

/**
 * Reads and checks the hyperparameters of a model.
 * @throws AppError 'unsupported' (architecture, RoPE scaling, experts, some biases, tensor type), 'invalid-input'
 *   (a missing or impossible number, a missing tensor, a tensor of another shape)
 */
export async function readHyperparameters(gguf: GgufFile): Promise<Hyperparameters> {
  const metadata = new Metadata(gguf);
  const name = readArchitecture(metadata);
  const architecture = architectures[name];
  if (metadata.integer(`${name}.expert_count`, 0, 1 << 16, 0) > 0) {
    throw unsupported('Mixture-of-experts models are not supported.', `Choose a dense ${name} model.`);
  }
  const shape = readShape(metadata, name);
  const { embedding, headDim, heads, layers } = shape;
  const trainedLength = metadata.integer(`${name}.context_length`, 16, 2 ** 31);
  const rope = await readRope(gguf, metadata, architecture, { prefix: name, ...shape, trainedLength });
  const hyperparameters: Hyperparameters = {
    architecture: name,
    name: metadata.text('general.name') ?? '',
    ...shape,
    feedForward: metadata.integer(`${name}.feed_forward_length`, 1, 1 << 22),
    vocabulary: rowsOf(tensorOf(gguf, 'token_embd.weight')),
    trainedLength,
    ...rope,
    ropeStyle: architecture.ropeStyle,
    attentionScale: 1 / Math.sqrt(scaledBy(name, layers, { embedding, headDim, heads })),
    attentionSoftCap: architecture.attentionSoftCap
      ? softCap(metadata, `${name}.attn_logit_softcapping`, 50)
      : null,
    logitSoftCap: softCap(
      metadata,
      `${name}.final_logit_softcapping`,
      architecture.attentionSoftCap ? 30 : 0,
    ),
    embeddingScale: architecture.scaledEmbedding ? Math.sqrt(embedding) : 1,
    activation: architecture.activation,
    rmsEpsilon: metadata.real(`${name}.attention.layer_norm_rms_epsilon`, 0, 1),
  };
  modelSources(gguf, hyperparameters);
  return hyperparameters;
}

function readArchitecture(metadata: Metadata): ArchitectureName {
  const name = metadata.text('general.architecture');
  if (name === undefined) throw invalid('The model file does not say its architecture.');
  if (isSupportedArchitecture(name)) return name;
  const known = supportedArchitectures.map((each) => `${each} (${architectures[each].examples})`);
  throw unsupported(
    `The architecture "${printable(name)}" is not supported.`,
    `Supported: ${known.join(', ')}.`,
  );
}

type HeadShape = Pick<
  Hyperparameters,
  'layers' | 'heads' | 'kvHeads' | 'headDim' | 'embedding' | 'ropeDimensions'
>;

function readShape(metadata: Metadata, prefix: string): HeadShape {
  const key = (suffix: string): string => `${prefix}.${suffix}`;
  const heads = metadata.integer(key('attention.head_count'), 1, 4096);
  const kvHeads = metadata.integer(key('attention.head_count_kv'), 1, 4096, heads);
  if (heads % kvHeads !== 0) {
    throw invalid(`${String(heads)} heads can't share ${String(kvHeads)} key/value heads evenly.`);
  }
  const embedding = metadata.integer(key('embedding_length'), 1, 1 << 20);
  if (!metadata.has(key('attention.key_length')) && embedding % heads !== 0) {
    throw invalid(`An embedding of ${String(embedding)} can't be split into ${String(heads)} heads.`);
  }
  const headDim = metadata.integer(key('attention.key_length'), 2, 4096, embedding / heads);
  const valueDim = metadata.integer(key('attention.value_length'), 2, 4096, headDim);
  if (valueDim !== headDim) throw unsupported('Values of another width than keys are not supported.');
  const ropeDimensions = metadata.integer(key('rope.dimension_count'), 2, headDim, headDim);
  if (headDim % 2 !== 0 || ropeDimensions % 2 !== 0) {
    throw invalid(`RoPE rotates pairs: the head dimension and ${key('rope.dimension_count')} must be even.`);
  }
  const layers = metadata.integer(key('block_count'), 1, 1024);
  return { layers, heads, kvHeads, headDim, embedding, ropeDimensions };
}

/**
 * The number whose root divides the scores: the head dimension, but for Gemma's 27B models the embedding's share of
 * a head. The files do not say it; they are known by their number of layers (llama.cpp, models/gemma2.cpp, gemma3.cpp).
 */
function scaledBy(
  name: ArchitectureName,
  layers: number,
  { embedding, headDim, heads }: Pick<Hyperparameters, 'embedding' | 'headDim' | 'heads'>,
): number {
  const is27B = (name === 'gemma2' && layers === 46) || (name === 'gemma3' && layers === 62);
  return is27B ? Math.floor(embedding / heads) : headDim;
}

/** @param fallback where the file does not say; 0 = none */
function softCap(metadata: Metadata, key: string, fallback: number): number | null {
  const cap = metadata.real(key, 0, 1e6, fallback);
  return cap === 0 ? null : cap;
}
