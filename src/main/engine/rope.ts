/**
 * What a model file says about rotary position embedding: base, scaling, factors, and how far each kind of layer
 * sees. Everything ends as one inverse frequency per pair of dimensions and one factor of the query, so that caches
 * and kernels know a single form of RoPE.
 */
import type { GgufFile } from '../formats/index.ts';
import type { Architecture } from './architectures.ts';
import { invalid, printable, unsupported } from './gguf-metadata.ts';
import type { Metadata } from './gguf-metadata.ts';
import type { AttentionKind, Hyperparameters } from './runtime.ts';

/** What is the same in every layer. */
interface Scaling {
  /** positions are multiplied by it in layers that see everything */
  readonly scale: number;
  /** f32 [ropeDimensions / 2], or null */
  readonly factors: Float32Array | null;
  readonly magnitude: number;
}

export interface Rope {
  /** the kinds that occur; the one that sees all first */
  readonly attentionKinds: readonly AttentionKind[];
  /** index into `attentionKinds` of each layer */
  readonly layerKinds: readonly number[];
  readonly ropeMagnitude: number;
}

/** The parts of the hyperparameters that RoPE depends on. */
interface Shape {
  /** prefix of the metadata keys */
  readonly prefix: string;
  readonly layers: number;
  readonly ropeDimensions: number;
  readonly trainedLength: number;
}

/** @throws AppError 'unsupported' for a scaling that is not computed, 'invalid-input' for impossible numbers */
export async function readRope(
  gguf: GgufFile,
  metadata: Metadata,
  architecture: Architecture,
  shape: Shape,
): Promise<Rope> {
  const { prefix, layers } = shape;
  const ropeBase = metadata.real(`${prefix}.rope.freq_base`, 1, 1e12, 10_000);
  const scaling = await readScaling(gguf, metadata, shape, ropeBase);
  const all: AttentionKind = {
    window: null,
    ropeBase,
    ropeScale: scaling.scale,
    ropeFactors: scaling.factors,
  };
  const sliding = slidingKind(metadata, architecture, prefix, all);
  if (sliding === null) {
    return {
      attentionKinds: [all],
      layerKinds: new Array<number>(layers).fill(0),
      ropeMagnitude: scaling.magnitude,
    };
  }
  const { kind, period } = sliding;
  const slides = Array.from({ length: layers }, (_, layer) => layer % period < period - 1);
  const attentionKinds = slides.every(Boolean) ? [kind] : [all, kind];
  const layerKinds = slides.map((slide) => (slide ? attentionKinds.length - 1 : 0));
  return { attentionKinds, layerKinds, ropeMagnitude: scaling.magnitude };
}

function slidingKind(
  metadata: Metadata,
  architecture: Architecture,
  prefix: string,
  all: AttentionKind,
): { readonly kind: AttentionKind; readonly period: number } | null {
  const key = `${prefix}.attention.sliding_window`;
  if (architecture.sliding === null || !metadata.has(key)) return null;
  const window = metadata.integer(key, 0, 2 ** 31);
  if (window === 0) return null;
  const { period, ropeBase } = architecture.sliding;
  return {
    period: metadata.integer(`${key}_pattern`, 1, 1024, period),
    kind: {
      window,
      // Gemma 3's sliding layers keep the unscaled RoPE of short texts; Gemma 2 has one for all.
      ropeBase: metadata.real(`${prefix}.rope.freq_base_swa`, 1, 1e12, ropeBase ?? all.ropeBase),
      ropeScale: ropeBase === null ? all.ropeScale : 1,
      ropeFactors: ropeBase === null ? all.ropeFactors : null,
    },
  };
}

async function readScaling(
  gguf: GgufFile,
  metadata: Metadata,
  shape: Shape,
  ropeBase: number,
): Promise<Scaling> {
  const { prefix, ropeDimensions } = shape;
  const key = `${prefix}.rope.scaling`;
  // A factor without a type is a linear one (llama.cpp, llama_model_base::load_hparams).
  const type = metadata.text(`${key}.type`) ?? 'linear';
  const linear = metadata.real(`${prefix}.rope.scale_linear`, 0, 1e6, 0);
  // 0 stands for none, as in llama.cpp
  const factor = metadata.real(`${key}.factor`, 0, 1e6, linear) || 1;
  const freqs = await readFactors(gguf, 'rope_freqs.weight', ropeDimensions);
  const magnitude = metadata.real(`${key}.attn_factor`, 1e-3, 1e3, 1);
  if (type === 'none') return { scale: 1, factors: freqs, magnitude };
  if (type === 'linear') return { scale: 1 / factor, factors: freqs, magnitude };
  if (type === 'longrope') {
    return { scale: 1 / factor, factors: freqs ?? (await longRopeFactors(gguf, metadata, shape)), magnitude };
  }
  if (type === 'yarn' && freqs === null) {
    const original = metadata.integer(`${key}.original_context_length`, 1, 2 ** 31, shape.trainedLength);
    return yarn(ropeBase, ropeDimensions, factor, original, magnitude);
  }
  throw unsupported(`RoPE scaling of the type "${printable(type)}" is not supported.`);
}

/**
 * Phi 3's two sets of factors (Ding et al. 2024, "LongRoPE"): one for contexts up to the original length, one for
 * longer ones. A state must not change its rotations as it grows, so the model's whole trained length decides, as
 * in vLLM; llama.cpp decides by the context it was asked for.
 */
async function longRopeFactors(
  gguf: GgufFile,
  metadata: Metadata,
  { prefix, ropeDimensions, trainedLength }: Shape,
): Promise<Float32Array> {
  const key = `${prefix}.rope.scaling.original_context_length`;
  const original = metadata.integer(key, 1, 2 ** 31, trainedLength);
  const name = trainedLength > original ? 'rope_factors_long.weight' : 'rope_factors_short.weight';
  const factors = await readFactors(gguf, name, ropeDimensions);
  if (factors === null) throw invalid(`The model file has no tensor "${name}".`);
  return factors;
}

/**
 * YaRN (Peng et al. 2023, section 3.2): pairs that turn often within the original length keep their frequency, slow
 * ones are divided by the factor, those between are mixed. Constants beta_fast = 32, beta_slow = 1 and the attention
 * magnitude 1 + 0.1 ln(factor) as in ggml (rope_yarn, ggml_rope_yarn_corr_dims).
 */
function yarn(
  base: number,
  dimensions: number,
  factor: number,
  original: number,
  magnitude: number,
): Scaling {
  const dimensionOf = (turns: number): number =>
    (dimensions * Math.log(original / (turns * 2 * Math.PI))) / (2 * Math.log(base));
  const low = Math.max(0, Math.floor(dimensionOf(32)));
  const high = Math.min(dimensions - 1, Math.ceil(dimensionOf(1)));
  const factors = Float32Array.from({ length: dimensions / 2 }, (_, pair) => {
    const slow = Math.min(1, Math.max(0, (pair - low) / Math.max(0.001, high - low)));
    return 1 / (slow / factor + 1 - slow);
  });
  return { scale: 1, factors, magnitude: magnitude * (1 + 0.1 * Math.log(factor)) };
}

/** @returns per-pair divisors of the frequencies, or null where the file has none */
async function readFactors(
  gguf: GgufFile,
  name: string,
  ropeDimensions: number,
): Promise<Float32Array | null> {
  const tensor = gguf.tensors.get(name);
  if (tensor === undefined) return null;
  const pairs = ropeDimensions / 2;
  if (
    tensor.type !== 'F32' ||
    tensor.shape[0] !== pairs ||
    tensor.shape.slice(1).some((side) => side !== 1)
  ) {
    throw invalid(`${name} must hold ${String(pairs)} F32 numbers.`);
  }
  const bytes = await gguf.readTensor(name);
  const factors = new Float32Array(bytes.slice().buffer, 0, pairs);
  if (!factors.every((factor) => Number.isFinite(factor) && factor > 0)) {
    throw invalid(`${name} holds a factor that is not a positive number.`);
  }
  return factors;
}

/**
 * Inverse RoPE frequencies of one kind of layer in radians per position, f64 `[headDim / 2]`:
 * theta_i = scale base^(-2i / ropeDimensions), divided by the factor of that pair where the kind has them
 * (Su et al. 2021, section 3.2; factors: llama 3's `rope_freqs.weight` and others). Pairs beyond ropeDimensions have
 * the frequency 0: they are not turned.
 * @param kind index into `attentionKinds`
 */
export function inverseFrequencies(
  hyperparameters: Pick<Hyperparameters, 'headDim' | 'ropeDimensions' | 'attentionKinds'>,
  kind = 0,
): Float64Array {
  const { headDim, ropeDimensions, attentionKinds } = hyperparameters;
  const { ropeBase, ropeScale, ropeFactors } = attentionKinds[kind];
  const frequencies = new Float64Array(headDim / 2);
  for (let i = 0; i < ropeDimensions / 2; i++) {
    const frequency = ropeScale * ropeBase ** ((-2 * i) / ropeDimensions);
    frequencies[i] = frequency / (ropeFactors === null ? 1 : ropeFactors[i]);
  }
  return frequencies;
}

/**
 * What each dimension of a query is multiplied by before it goes to a cache, f32 `[headDim]`, in the interleaved
 * order; null where it is 1. Caches and kernels score with 1 / sqrt(headDim) and rotate by plain cosines; a model's
 * own attention scale and the magnitude of its rotation (once for the query, once for the key) stand here instead.
 */
export function queryScales(
  hyperparameters: Pick<Hyperparameters, 'headDim' | 'ropeDimensions' | 'ropeMagnitude' | 'attentionScale'>,
): Float32Array | null {
  const { headDim, ropeDimensions, ropeMagnitude, attentionScale } = hyperparameters;
  const scale = attentionScale * Math.sqrt(headDim);
  const scales = Float32Array.from(
    { length: headDim },
    (_, i) => scale * (i < ropeDimensions ? ropeMagnitude ** 2 : 1),
  );
  return scales.every((each) => each === 1) ? null : scales;
}

/**
 * Where the rows of one head stand in the file: entry i of our interleaved order is row `order[i]` of the head. Pair
 * i of the other style is (i, i + ropeDimensions / 2), ours (2i, 2i + 1); dimensions that are not rotated stay.
 * @returns null where the file has our order already
 */
export function headOrder(
  hyperparameters: Pick<Hyperparameters, 'headDim' | 'ropeDimensions' | 'ropeStyle'>,
): Int32Array | null {
  const { headDim, ropeDimensions, ropeStyle } = hyperparameters;
  if (ropeStyle === 'interleaved') return null;
  return Int32Array.from({ length: headDim }, (_, i) => {
    if (i >= ropeDimensions) return i;
    return (i >> 1) + (i % 2) * (ropeDimensions / 2);
  });
}
