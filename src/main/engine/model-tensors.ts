/**
 * Which tensors a forward pass reads, and how: every matrix and vector of the model as rows of a tensor of the file.
 * Fused tensors (q | k | v, gate | up) and the order of RoPE's pairs end here; backends see one form. Everything is
 * checked on the way: each tensor is there, in its shape, in a type that has a formula, and none is left over.
 */
import type { GgufFile, TensorInfo, TensorType } from '../formats/index.ts';
import { computableTypes } from '../formats/index.ts';
import { architectures } from './architectures.ts';
import { invalid, printable, unsupported } from './gguf-metadata.ts';
import { headOrder } from './rope.ts';
import type { Hyperparameters } from './runtime.ts';

/** Types of the large matrices. */
export const supportedTensorTypes: readonly TensorType[] = [...computableTypes];

/** Norms and biases. */
const vectorTypes: readonly TensorType[] = ['F32', 'F16', 'BF16'];

/** The tensor that turns the last hidden row into logits: `output.weight`, or the embedding where they are tied. */
export function outputTensorName(gguf: Pick<GgufFile, 'tensors'>): string {
  return gguf.tensors.has('output.weight') ? 'output.weight' : 'token_embd.weight';
}

/** A matrix [rows][columns]: `rows` rows of a tensor from `firstRow` on. */
export interface MatrixSource {
  /** its name in the file */
  readonly tensor: string;
  readonly type: TensorType;
  readonly columns: number;
  readonly firstRow: number;
  readonly rows: number;
  /** row i of each head (`headOrder.length` rows) is the file's row headOrder[i] of that head; null: as stored */
  readonly headOrder: Int32Array | null;
}

/** A vector: `rows` numbers of a one-dimensional tensor from `firstRow` on; the rest as in a matrix. */
export type VectorSource = MatrixSource & { readonly columns: 1 };

/** In the order of the forward pass; null where the model has none. */
export interface LayerSources {
  readonly attentionNorm: VectorSource;
  readonly q: MatrixSource;
  readonly k: MatrixSource;
  readonly v: MatrixSource;
  readonly biases: { readonly q: VectorSource; readonly k: VectorSource; readonly v: VectorSource } | null;
  /** [headDim], applied to each head before RoPE */
  readonly qkNorms: { readonly q: VectorSource; readonly k: VectorSource } | null;
  readonly output: MatrixSource;
  readonly postAttentionNorm: VectorSource | null;
  readonly feedForwardNorm: VectorSource;
  readonly gate: MatrixSource;
  readonly up: MatrixSource;
  readonly down: MatrixSource;
  readonly postFeedForwardNorm: VectorSource | null;
}

export interface ModelSources {
  readonly embedding: MatrixSource;
  readonly layers: readonly LayerSources[];
  readonly outputNorm: VectorSource;
  /** the embedding's tensor where the two are tied */
  readonly output: MatrixSource;
}

/**
 * @throws AppError 'invalid-input' for a tensor that is missing or has another shape, 'unsupported' for one that has
 *   no place in the architecture or a type without a formula
 */
export function modelSources(gguf: Pick<GgufFile, 'tensors'>, h: Hyperparameters): ModelSources {
  const finder = new Finder(gguf, h);
  const sources: ModelSources = {
    embedding: finder.matrix('token_embd.weight', h.embedding, h.vocabulary),
    layers: Array.from({ length: h.layers }, (_, layer) => layerSources(finder, h, layer)),
    outputNorm: finder.vector('output_norm.weight', h.embedding),
    output: finder.matrix(outputTensorName(gguf), h.embedding, h.vocabulary),
  };
  finder.refuseOthers();
  return sources;
}

function layerSources(finder: Finder, h: Hyperparameters, layer: number): LayerSources {
  const { qkNorm, postNorms, fusedGateUp } = architectures[h.architecture];
  const name = (tensor: string): string => `blk.${String(layer)}.${tensor}`;
  const order = headOrder(h);
  const inOurOrder = (norm: VectorSource): VectorSource => ({ ...norm, headOrder: order });
  const query = h.heads * h.headDim;
  return {
    attentionNorm: finder.vector(name('attn_norm.weight'), h.embedding),
    ...projections(finder, h, name),
    biases: biases(finder, h, name),
    qkNorms: qkNorm
      ? {
          q: inOurOrder(finder.vector(name('attn_q_norm.weight'), h.headDim)),
          k: inOurOrder(finder.vector(name('attn_k_norm.weight'), h.headDim)),
        }
      : null,
    output: finder.matrix(name('attn_output.weight'), query, h.embedding),
    postAttentionNorm: postNorms ? finder.vector(name('post_attention_norm.weight'), h.embedding) : null,
    feedForwardNorm: finder.vector(name('ffn_norm.weight'), h.embedding),
    ...(fusedGateUp ? fusedGate(finder, h, name) : separateGate(finder, h, name)),
    down: finder.matrix(name('ffn_down.weight'), h.feedForward, h.embedding),
    postFeedForwardNorm: postNorms ? finder.vector(name('post_ffw_norm.weight'), h.embedding) : null,
  };
}

type LayerName = (tensor: string) => string;
type Projections = Pick<LayerSources, 'q' | 'k' | 'v'>;

function projections(finder: Finder, h: Hyperparameters, name: LayerName): Projections {
  const keyValue = h.kvHeads * h.headDim;
  const query = h.heads * h.headDim;
  const fused = name('attn_qkv.weight');
  if (finder.has(fused)) return split(finder.matrix(fused, h.embedding, query + 2 * keyValue), h);
  const order = headOrder(h);
  return {
    q: { ...finder.matrix(name('attn_q.weight'), h.embedding, query), headOrder: order },
    k: { ...finder.matrix(name('attn_k.weight'), h.embedding, keyValue), headOrder: order },
    v: finder.matrix(name('attn_v.weight'), h.embedding, keyValue),
  };
}

/** All three or none: where one is missing, the error names it. */
function biases(finder: Finder, h: Hyperparameters, name: LayerName): LayerSources['biases'] {
  const keyValue = h.kvHeads * h.headDim;
  const query = h.heads * h.headDim;
  const fused = name('attn_qkv.bias');
  if (finder.has(fused)) return split(finder.vector(fused, query + 2 * keyValue), h);
  if (!['attn_q.bias', 'attn_k.bias', 'attn_v.bias'].some((tensor) => finder.has(name(tensor)))) return null;
  const order = headOrder(h);
  return {
    q: { ...finder.vector(name('attn_q.bias'), query), headOrder: order },
    k: { ...finder.vector(name('attn_k.bias'), keyValue), headOrder: order },
    v: finder.vector(name('attn_v.bias'), keyValue),
  };
}

/** Rows of q, k and v, one below the other. */
function split<T extends MatrixSource>(fused: T, h: Hyperparameters): { q: T; k: T; v: T } {
  const keyValue = h.kvHeads * h.headDim;
  const query = h.heads * h.headDim;
  const order = headOrder(h);
  return {
    q: { ...fused, rows: query, headOrder: order },
    k: { ...fused, firstRow: query, rows: keyValue, headOrder: order },
    v: { ...fused, firstRow: query + keyValue, rows: keyValue },
  };
}

type GateUp = Pick<LayerSources, 'gate' | 'up'>;

function separateGate(finder: Finder, h: Hyperparameters, name: LayerName): GateUp {
  return {
    gate: finder.matrix(name('ffn_gate.weight'), h.embedding, h.feedForward),
    up: finder.matrix(name('ffn_up.weight'), h.embedding, h.feedForward),
  };
}

function fusedGate(finder: Finder, h: Hyperparameters, name: LayerName): GateUp {
  const fused = finder.matrix(name('ffn_up.weight'), h.embedding, 2 * h.feedForward);
  return {
    gate: { ...fused, rows: h.feedForward },
    up: { ...fused, firstRow: h.feedForward, rows: h.feedForward },
  };
}

/** Finds tensors with their shapes and types checked, and remembers which were asked for. */
class Finder {
  readonly #gguf: Pick<GgufFile, 'tensors'>;
  readonly #h: Hyperparameters;
  /** read with the hyperparameters */
  readonly #known = new Set(['rope_freqs.weight']);

  constructor(gguf: Pick<GgufFile, 'tensors'>, h: Hyperparameters) {
    this.#gguf = gguf;
    this.#h = h;
    if (h.architecture === 'phi3') {
      this.#known.add('rope_factors_long.weight').add('rope_factors_short.weight');
    }
  }

  has(name: string): boolean {
    return this.#gguf.tensors.has(name);
  }

  matrix(name: string, columns: number, rows: number): MatrixSource {
    const { type } = this.#find(name, columns, rows, supportedTensorTypes);
    return { tensor: name, type, columns, firstRow: 0, rows, headOrder: null };
  }

  /** stored as one row, read as one column */
  vector(name: string, length: number): VectorSource {
    const { type } = this.#find(name, length, 1, vectorTypes);
    return { tensor: name, type, columns: 1, firstRow: 0, rows: length, headOrder: null };
  }

  /** @throws AppError 'unsupported' naming a tensor that nobody asked for */
  refuseOthers(): void {
    for (const name of this.#gguf.tensors.keys()) {
      if (this.#known.has(name)) continue;
      throw unsupported(
        `The tensor "${printable(name)}" has no place in the ${this.#h.architecture} architecture as supported here.`,
        'Experts, adapters and biases other than those of q, k and v are not supported.',
      );
    }
  }

  #find(name: string, columns: number, rows: number, types: readonly TensorType[]): TensorInfo {
    this.#known.add(name);
    const tensor = tensorOf(this.#gguf, name);
    if (columnsOf(tensor) !== columns || rowsOf(tensor) !== rows) {
      throw invalid(
        `The tensor "${name}" has the shape ${tensor.shape.join(' x ')}, ` +
          `the metadata asks for ${String(columns)} x ${String(rows)}.`,
      );
    }
    if (!types.includes(tensor.type)) throw wrongType(tensor, types);
    return tensor;
  }
}

/** The error for a tensor of a type that is not computed with here. */
export function wrongType(tensor: TensorInfo, types: readonly TensorType[]): Error {
  return unsupported(
    `The tensor "${tensor.name}" is of the type ${printable(tensor.typeName)}.`,
    `Types supported here: ${types.join(', ')}. Choose another quantisation of the model.`,
  );
}

/** @throws AppError 'invalid-input' when it is not there */
export function tensorOf(gguf: Pick<GgufFile, 'tensors'>, name: string): TensorInfo {
  const tensor = gguf.tensors.get(name);
  if (tensor === undefined) throw invalid(`The model file has no tensor "${name}".`);
  return tensor;
}

function columnsOf(tensor: TensorInfo): number {
  return tensor.shape[0] ?? 1;
}

export function rowsOf(tensor: TensorInfo): number {
  return tensor.shape.slice(1).reduce((product, length) => product * length, 1);
}
