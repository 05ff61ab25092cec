/**
 * What a model file says about its architecture, checked before anything is computed with it: every number has a
 * range, every tensor that the forward pass reads is there with the expected shape and a type that the backends
 * compute with. What is not supported is named.
 */
import { AppError } from '../../shared/errors.ts';
import type { GgufFile, MetadataValue, TensorInfo, TensorType } from '../formats/index.ts';
import type { PlanGeometry } from './plan/types.ts';
import type { Hyperparameters } from './runtime.ts';

export const supportedArchitectures = ['llama'] as const;

/** Types of the large matrices. Norms and frequency factors are F32 or F16. */
export const supportedTensorTypes: readonly TensorType[] = ['F32', 'F16', 'Q8_0', 'Q4_0', 'Q4_1'];

/** Names of the tensors of one llama layer, without `blk.N.` and `.weight`. */
export const layerTensors = [
  'attn_norm',
  'attn_q',
  'attn_k',
  'attn_v',
  'attn_output',
  'ffn_norm',
  'ffn_gate',
  'ffn_up',
  'ffn_down',
] as const;
export type LayerTensor = (typeof layerTensors)[number];

/** e.g. `blk.3.attn_q.weight` */
export function layerTensorName(layer: number, tensor: LayerTensor): string {
  return `blk.${String(layer)}.${tensor}.weight`;
}

/** The tensor that turns the last hidden row into logits: `output.weight`, or the embedding where they are tied. */
export function outputTensorName(gguf: Pick<GgufFile, 'tensors'>): string {
  return gguf.tensors.has('output.weight') ? 'output.weight' : 'token_embd.weight';
}

/** What a plan is compiled against. */
export function geometryOf(hyperparameters: Hyperparameters): PlanGeometry {
  const { heads, kvHeads, headDim, trainedLength } = hyperparameters;
  return { heads, kvHeads, headDim, trainedLength };
}

/**
 * Inverse RoPE frequencies in radians per position, f64 `[headDim / 2]`:
 * theta_i = base^(-2i / ropeDimensions), divided by the model's factor of that pair where it has one
 * (Su et al. 2021, section 3.2; factors: llama 3's `rope_freqs.weight`). Pairs beyond ropeDimensions have the
 * frequency 0: they are not turned.
 */
export function inverseFrequencies(
  hyperparameters: Pick<Hyperparameters, 'headDim' | 'ropeBase' | 'ropeDimensions' | 'ropeFactors'>,
): Float64Array {
  const { headDim, ropeBase, ropeDimensions, ropeFactors } = hyperparameters;
  const frequencies = new Float64Array(headDim / 2);
  for (let i = 0; i < ropeDimensions / 2; i++) {
    frequencies[i] = ropeBase ** ((-2 * i) / ropeDimensions) / (ropeFactors === null ? 1 : ropeFactors[i]);
  }
  return frequencies;
}

/**
 * Reads and checks the hyperparameters of a llama model.
 * @throws AppError 'unsupported' (architecture, RoPE scaling, experts, biases, tensor type), 'invalid-input'
 *   (a missing or impossible number, a missing tensor, a tensor of another shape)
 */
export async function readHyperparameters(gguf: GgufFile): Promise<Hyperparameters> {
  const metadata = new Metadata(gguf);
  const architecture = metadata.text('general.architecture');
  if (architecture === undefined) throw invalid('The model file does not say its architecture.');
  if (architecture !== 'llama') {
    throw unsupported(
      `The architecture "${printable(architecture)}" is not supported.`,
      `Supported: ${supportedArchitectures.join(', ')} (SmolLM2, Llama 3, Mistral).`,
    );
  }
  refuseVariants(metadata);

  const heads = metadata.integer('llama.attention.head_count', 1, 4096);
  const kvHeads = metadata.integer('llama.attention.head_count_kv', 1, 4096, heads);
  if (heads % kvHeads !== 0) {
    throw invalid(`${String(heads)} heads can't share ${String(kvHeads)} key/value heads evenly.`);
  }
  const embedding = metadata.integer('llama.embedding_length', 1, 1 << 20);
  if (!metadata.has('llama.attention.key_length') && embedding % heads !== 0) {
    throw invalid(`An embedding of ${String(embedding)} can't be split into ${String(heads)} heads.`);
  }
  const headDim = metadata.integer('llama.attention.key_length', 2, 4096, embedding / heads);
  const valueDim = metadata.integer('llama.attention.value_length', 2, 4096, headDim);
  if (valueDim !== headDim) throw unsupported('Values of another width than keys are not supported.');
  const ropeDimensions = metadata.integer('llama.rope.dimension_count', 2, headDim, headDim);
  if (headDim % 2 !== 0 || ropeDimensions % 2 !== 0) {
    throw invalid('RoPE rotates pairs: the head dimension and llama.rope.dimension_count must be even.');
  }

  const hyperparameters: Hyperparameters = {
    architecture: 'llama',
    name: metadata.text('general.name') ?? '',
    layers: metadata.integer('llama.block_count', 1, 1024),
    heads,
    kvHeads,
    headDim,
    embedding,
    feedForward: metadata.integer('llama.feed_forward_length', 1, 1 << 22),
    vocabulary: rowsOf(tensorOf(gguf, 'token_embd.weight')),
    trainedLength: metadata.integer('llama.context_length', 16, 2 ** 31),
    ropeBase: metadata.real('llama.rope.freq_base', 1, 1e12, 10_000),
    ropeDimensions,
    ropeFactors: await readRopeFactors(gguf, ropeDimensions),
    rmsEpsilon: metadata.real('llama.attention.layer_norm_rms_epsilon', 0, 1),
  };
  checkTensors(gguf, hyperparameters);
  return hyperparameters;
}

/** Llama variants whose forward pass is another one: refused by name instead of computed wrongly. */
function refuseVariants(metadata: Metadata): void {
  if (metadata.integer('llama.expert_count', 0, 1 << 16, 0) > 0) {
    throw unsupported('Mixture-of-experts models are not supported.', 'Choose a dense llama model.');
  }
  const scaling = metadata.text('llama.rope.scaling.type') ?? 'none';
  if (scaling !== 'none') {
    throw unsupported(`RoPE scaling of the type "${printable(scaling)}" is not supported.`);
  }
}

/** @returns per-pair divisors of the frequencies, or null where the file has none */
async function readRopeFactors(gguf: GgufFile, ropeDimensions: number): Promise<Float32Array | null> {
  const tensor = gguf.tensors.get('rope_freqs.weight');
  if (tensor === undefined) return null;
  const pairs = ropeDimensions / 2;
  if (tensor.type !== 'F32' || columnsOf(tensor) !== pairs || rowsOf(tensor) !== 1) {
    throw invalid(`rope_freqs.weight must hold ${String(pairs)} F32 numbers.`);
  }
  const bytes = await gguf.readTensor('rope_freqs.weight');
  const factors = new Float32Array(bytes.slice().buffer, 0, pairs);
  if (!factors.every((factor) => Number.isFinite(factor) && factor > 0)) {
    throw invalid('rope_freqs.weight holds a factor that is not a positive number.');
  }
  return factors;
}

/** Every tensor of the forward pass is there, in its shape, in a type we compute with; and no other is ignored. */
function checkTensors(gguf: GgufFile, h: Hyperparameters): void {
  const query = h.heads * h.headDim;
  const keyValue = h.kvHeads * h.headDim;
  const layerShapes: Readonly<Record<LayerTensor, readonly [columns: number, rows: number]>> = {
    attn_norm: [h.embedding, 1],
    attn_q: [h.embedding, query],
    attn_k: [h.embedding, keyValue],
    attn_v: [h.embedding, keyValue],
    attn_output: [query, h.embedding],
    ffn_norm: [h.embedding, 1],
    ffn_gate: [h.embedding, h.feedForward],
    ffn_up: [h.embedding, h.feedForward],
    ffn_down: [h.feedForward, h.embedding],
  };
  const known = new Set(['rope_freqs.weight']);
  const check = (name: string, columns: number, rows: number): void => {
    known.add(name);
    checkTensor(tensorOf(gguf, name), columns, rows);
  };
  check('token_embd.weight', h.embedding, h.vocabulary);
  check('output_norm.weight', h.embedding, 1);
  check(outputTensorName(gguf), h.embedding, h.vocabulary);
  for (let layer = 0; layer < h.layers; layer++) {
    for (const tensor of layerTensors) check(layerTensorName(layer, tensor), ...layerShapes[tensor]);
  }
  for (const name of gguf.tensors.keys()) {
    if (!known.has(name)) {
      throw unsupported(
        `The tensor "${printable(name)}" has no place in the llama architecture as supported here.`,
        'Biases, experts and adapters inside the file are not supported.',
      );
    }
  }
}

function checkTensor(tensor: TensorInfo, columns: number, rows: number): void {
  if (columnsOf(tensor) !== columns || rowsOf(tensor) !== rows) {
    throw invalid(
      `The tensor "${tensor.name}" has the shape ${tensor.shape.join(' x ')}, ` +
        `the metadata asks for ${String(columns)} x ${String(rows)}.`,
    );
  }
  const isVector = rows === 1;
  const types = isVector ? supportedTensorTypes.slice(0, 2) : supportedTensorTypes;
  if (!types.includes(tensor.type)) {
    throw unsupported(
      `The tensor "${tensor.name}" is of the type ${printable(tensor.typeName)}.`,
      `Types supported here: ${types.join(', ')}. Choose another quantisation of the model.`,
    );
  }
}

function tensorOf(gguf: GgufFile, name: string): TensorInfo {
  const tensor = gguf.tensors.get(name);
  if (tensor === undefined) throw invalid(`The model file has no tensor "${name}".`);
  return tensor;
}

function columnsOf(tensor: TensorInfo): number {
  return tensor.shape[0] ?? 1;
}

function rowsOf(tensor: TensorInfo): number {
  return tensor.shape.slice(1).reduce((product, length) => product * length, 1);
}

/** Metadata by key with type and range checked. */
class Metadata {
  readonly #values: ReadonlyMap<string, MetadataValue>;

  constructor(gguf: GgufFile) {
    this.#values = gguf.metadata;
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  text(key: string): string | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    if (typeof value !== 'string') throw invalid(`"${key}" must be a text.`);
    return value;
  }

  real(key: string, least: number, most: number, fallback?: number): number {
    const value = this.#values.get(key) ?? fallback;
    if (value === undefined) throw invalid(`The model file does not say "${key}".`);
    const number = typeof value === 'bigint' ? Number(value) : value;
    if (typeof number !== 'number' || !(number >= least && number <= most)) {
      throw invalid(`"${key}" must be a number from ${String(least)} to ${String(most)}.`);
    }
    return number;
  }

  integer(key: string, least: number, most: number, fallback?: number): number {
    const number = this.real(key, least, most, fallback);
    if (!Number.isInteger(number)) throw invalid(`"${key}" must be a whole number.`);
    return number;
  }
}

/** File contents quoted in a message: bounded, without control characters. */
function printable(text: string): string {
  return text.slice(0, 80).replace(/[^\x20-\x7e]/g, '?');
}

function invalid(message: string): AppError {
  return new AppError(
    'invalid-input',
    message,
    'The file is damaged or not a language model: fetch it again.',
  );
}

function unsupported(message: string, hint?: string): AppError {
  return new AppError('unsupported', message, hint);
}
