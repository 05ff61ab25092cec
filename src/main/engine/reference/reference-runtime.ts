/**
 * The `reference` backend: the llama forward pass in plain TypeScript, f32 between operations. Slow and readable; every
 * other backend must agree with it (design section 3).
 */
import { AppError } from '../../../shared/errors.ts';
import type { GgufFile } from '../../formats/index.ts';
import { geometryOf, inverseFrequencies, readHyperparameters } from '../hyperparameters.ts';
import { compilePlan } from '../plan/compile.ts';
import type { AttentionPlan, CompiledPlan } from '../plan/types.ts';
import type { Cache, ForwardOptions, Hyperparameters, Runtime } from '../runtime.ts';
import { embedding } from './embedding.ts';
import { matmul } from './matmul.ts';
import { ReferenceCache } from './reference-cache.ts';
import type { Chunk, Reach } from './ring-attention.ts';
import { prepareChunk, ringAttention } from './ring-attention.ts';
import { rmsNorm } from './rms-norm.ts';
import { swiglu } from './swiglu.ts';
import type { LayerWeights, ReferenceWeights } from './weights.ts';
import { readWeights } from './weights.ts';

const maxRows = 128;

/**
 * @param gguf stays open until this returns; may be closed then
 * @throws AppError as `readHyperparameters`
 */
export async function createReferenceRuntime(gguf: GgufFile): Promise<Runtime> {
  const hyperparameters = await readHyperparameters(gguf);
  return new ReferenceRuntime(hyperparameters, await readWeights(gguf, hyperparameters.layers));
}

class ReferenceRuntime implements Runtime {
  readonly backend = 'reference';
  readonly variant = 'reference-f32';
  readonly numericsVersion = 1;
  readonly maxRows = maxRows;
  readonly hyperparameters: Hyperparameters;
  readonly #frequencies: Float64Array;
  #weights: ReferenceWeights | null;

  constructor(hyperparameters: Hyperparameters, weights: ReferenceWeights) {
    this.hyperparameters = hyperparameters;
    this.#weights = weights;
    this.#frequencies = inverseFrequencies(hyperparameters);
  }

  compile(plan: AttentionPlan): CompiledPlan {
    return compilePlan(plan, geometryOf(this.hyperparameters));
  }

  createCache(compiled: CompiledPlan): Cache {
    return new ReferenceCache(compiled, this.hyperparameters.layers, maxRows);
  }

  async forward(cache: Cache, ids: Int32Array, options: ForwardOptions): Promise<Float32Array> {
    if (!(cache instanceof ReferenceCache))
      throw new AppError('internal', 'The cache is of another backend.');
    if (this.#weights === null) throw new AppError('internal', 'The model has been released.');
    this.#checkIds(ids);
    const { embedding: width, layers } = this.hyperparameters;
    const rows = ids.length;
    const chunk = prepareChunk(cache.compiled, this.#frequencies, cache.position, rows);
    const x = new Float32Array(rows * width);
    embedding(this.#weights.embedding, width, ids, x);
    let reach: Reach = { exact: 0, sparse: 0 };
    for (let layer = 0; layer < layers; layer++) {
      await (options.betweenLayers === undefined ? nextTurn() : options.betweenLayers());
      throwIfAborted(options.signal);
      reach = this.#layer(this.#weights.layers[layer], cache, layer, chunk, x);
    }
    const logits = this.#logits(this.#weights, x, rows, options.logits);
    throwIfAborted(options.signal);
    cache.commit(rows, reach);
    return logits;
  }

  async release(): Promise<void> {
    this.#weights = null;
    await Promise.resolve();
  }

  #checkIds(ids: Int32Array): void {
    const { vocabulary } = this.hyperparameters;
    if (ids.length < 1 || ids.length > maxRows) {
      throw new AppError('internal', `A forward call takes 1 to ${String(maxRows)} tokens.`);
    }
    const wrong = ids.find((id) => id < 0 || id >= vocabulary);
    if (wrong !== undefined) {
      throw new AppError(
        'invalid-input',
        `The token id ${String(wrong)} is not in the vocabulary of ${String(vocabulary)}.`,
      );
    }
  }

  /** x += attention(norm(x)); x += feedForward(norm(x)). */
  #layer(weights: LayerWeights, cache: ReferenceCache, layer: number, chunk: Chunk, x: Float32Array): Reach {
    const h = this.hyperparameters;
    const { rows } = chunk;
    const project = (
      input: Float32Array,
      w: Float32Array,
      columns: number,
      outputs: number,
    ): Float32Array => {
      const out = new Float32Array(rows * outputs);
      matmul(input, rows, columns, w, outputs, out);
      return out;
    };
    const normed = new Float32Array(x.length);

    rmsNorm(x, weights.attn_norm, h.rmsEpsilon, normed);
    const q = project(normed, weights.attn_q, h.embedding, h.heads * h.headDim);
    const k = project(normed, weights.attn_k, h.embedding, h.kvHeads * h.headDim);
    const v = project(normed, weights.attn_v, h.embedding, h.kvHeads * h.headDim);
    cache.take(layer, rows, k, v);
    const attention = new Float32Array(q.length);
    const reach = ringAttention(chunk, cache.stores(layer), q, attention);
    add(x, project(attention, weights.attn_output, h.heads * h.headDim, h.embedding));

    rmsNorm(x, weights.ffn_norm, h.rmsEpsilon, normed);
    const gate = project(normed, weights.ffn_gate, h.embedding, h.feedForward);
    const up = project(normed, weights.ffn_up, h.embedding, h.feedForward);
    swiglu(gate, up, gate);
    add(x, project(gate, weights.ffn_down, h.feedForward, h.embedding));
    return reach;
  }

  /** @returns f32 [rows asked for][vocabulary] */
  #logits(
    weights: ReferenceWeights,
    x: Float32Array,
    rows: number,
    which: ForwardOptions['logits'],
  ): Float32Array {
    if (which === 'none') return new Float32Array(0);
    const { embedding: width, vocabulary, rmsEpsilon } = this.hyperparameters;
    const count = which === 'all' ? rows : 1;
    const normed = new Float32Array(count * width);
    rmsNorm(x.subarray((rows - count) * width), weights.outputNorm, rmsEpsilon, normed);
    const logits = new Float32Array(count * vocabulary);
    matmul(normed, count, width, weights.output, vocabulary, logits);
    return logits;
  }
}

function add(x: Float32Array, y: Float32Array): void {
  for (let i = 0; i < x.length; i++) x[i] += y[i];
}

/** Lets the event loop turn, so that an abort can come in. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new AppError('interrupted', 'The work was cancelled.');
}
