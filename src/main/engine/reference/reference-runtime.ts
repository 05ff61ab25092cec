/**
 * The `reference` backend: the forward pass in plain TypeScript, f32 between operations. Slow and readable; every
 * other backend must agree with it (design section 3).
 */
import { AppError } from '../../../shared/errors.ts';
import type { GgufFile } from '../../formats/index.ts';
import { geometryOf, readHyperparameters } from '../hyperparameters.ts';
import { compileKinds } from '../plan/layer-kinds.ts';
import type { AttentionPlan, CompiledPlan } from '../plan/types.ts';
import { inverseFrequencies, queryScales } from '../rope.ts';
import type { Cache, ForwardOptions, Hyperparameters, Runtime } from '../runtime.ts';
import { embedding } from './embedding.ts';
import { geglu } from './geglu.ts';
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
  return new ReferenceRuntime(hyperparameters, await readWeights(gguf, hyperparameters));
}

class ReferenceRuntime implements Runtime {
  readonly backend = 'reference';
  readonly variant = 'reference-f32';
  readonly numericsVersion = 1;
  readonly maxRows = maxRows;
  readonly hyperparameters: Hyperparameters;
  /** one for each kind of layer */
  readonly #frequencies: readonly Float64Array[];
  readonly #queryScales: Float32Array | null;
  #weights: ReferenceWeights | null;

  constructor(hyperparameters: Hyperparameters, weights: ReferenceWeights) {
    this.hyperparameters = hyperparameters;
    this.#weights = weights;
    this.#frequencies = hyperparameters.attentionKinds.map((_, kind) =>
      inverseFrequencies(hyperparameters, kind),
    );
    this.#queryScales = queryScales(hyperparameters);
  }

  compile(plan: AttentionPlan): CompiledPlan {
    return this.#compileKinds(plan)[0];
  }

  createCache(compiled: CompiledPlan): Cache {
    const kinds = this.#compileKinds(compiled.plan);
    const layerPlans = this.hyperparameters.layerKinds.map((kind) => kinds[kind]);
    return new ReferenceCache(compiled, layerPlans, maxRows);
  }

  #compileKinds(plan: AttentionPlan): readonly CompiledPlan[] {
    return compileKinds(plan, geometryOf(this.hyperparameters), this.hyperparameters.attentionKinds);
  }

  async forward(cache: Cache, ids: Int32Array, options: ForwardOptions): Promise<Float32Array> {
    if (!(cache instanceof ReferenceCache))
      throw new AppError('internal', 'The cache is of another backend.');
    if (this.#weights === null) throw new AppError('internal', 'The model has been released.');
    this.#checkIds(ids);
    const { embedding: width, embeddingScale, layerKinds, attentionSoftCap } = this.hyperparameters;
    const rows = ids.length;
    const chunks = this.#compileKinds(cache.compiled.plan).map((compiled, kind) =>
      prepareChunk(compiled, this.#frequencies[kind], cache.position, rows, attentionSoftCap),
    );
    const x = new Float32Array(rows * width);
    embedding(this.#weights.embedding, width, ids, x);
    if (embeddingScale !== 1) for (let i = 0; i < x.length; i++) x[i] *= embeddingScale;
    let reach: Reach = { exact: 0, sparse: 0 };
    for (const [layer, kind] of layerKinds.entries()) {
      await (options.betweenLayers === undefined ? nextTurn() : options.betweenLayers());
      throwIfAborted(options.signal);
      const seen = this.#layer(this.#weights.layers[layer], cache, layer, chunks[kind], x);
      if (kind === 0) reach = seen;
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

  /** x += attention(norm(x)); x += feedForward(norm(x)); both normed once more before they are added where so trained. */
  #layer(weights: LayerWeights, cache: ReferenceCache, layer: number, chunk: Chunk, x: Float32Array): Reach {
    const h = this.hyperparameters;
    const { rows } = chunk;
    const normed = new Float32Array(x.length);

    rmsNorm(x, weights.attentionNorm, h.rmsEpsilon, normed);
    const q = project(normed, rows, weights.q, h.heads * h.headDim);
    const k = project(normed, rows, weights.k, h.kvHeads * h.headDim);
    const v = project(normed, rows, weights.v, h.kvHeads * h.headDim);
    this.#finishProjections(weights, q, k, v);
    cache.take(layer, rows, k, v);
    const attention = new Float32Array(q.length);
    const reach = ringAttention(chunk, cache.stores(layer), q, attention);
    addNormed(
      x,
      project(attention, rows, weights.output, h.embedding),
      weights.postAttentionNorm,
      h.rmsEpsilon,
    );

    rmsNorm(x, weights.feedForwardNorm, h.rmsEpsilon, normed);
    const gate = project(normed, rows, weights.gate, h.feedForward);
    const up = project(normed, rows, weights.up, h.feedForward);
    (h.activation === 'silu' ? swiglu : geglu)(gate, up, gate);
    addNormed(x, project(gate, rows, weights.down, h.embedding), weights.postFeedForwardNorm, h.rmsEpsilon);
    return reach;
  }

  /** What comes between the projections and RoPE, in place: biases, norms of each head, the query's scale. */
  #finishProjections(weights: LayerWeights, q: Float32Array, k: Float32Array, v: Float32Array): void {
    const { rmsEpsilon } = this.hyperparameters;
    const { biases, qkNorms } = weights;
    if (biases !== null) {
      addBias(q, biases.q);
      addBias(k, biases.k);
      addBias(v, biases.v);
    }
    if (qkNorms !== null) {
      rmsNorm(q, qkNorms.q, rmsEpsilon, q);
      rmsNorm(k, qkNorms.k, rmsEpsilon, k);
    }
    const scales = this.#queryScales;
    if (scales !== null) for (let i = 0; i < q.length; i++) q[i] *= scales[i % scales.length];
  }

  /** @returns f32 [rows asked for][vocabulary] */
  #logits(
    weights: ReferenceWeights,
    x: Float32Array,
    rows: number,
    which: ForwardOptions['logits'],
  ): Float32Array {
    if (which === 'none') return new Float32Array(0);
    const { embedding: width, vocabulary, rmsEpsilon, logitSoftCap } = this.hyperparameters;
    const count = which === 'all' ? rows : 1;
    const normed = new Float32Array(count * width);
    rmsNorm(x.subarray((rows - count) * width), weights.outputNorm, rmsEpsilon, normed);
    const logits = project(normed, count, weights.output, vocabulary);
    if (logitSoftCap === null) return logits;
    return logits.map((logit) => logitSoftCap * Math.tanh(logit / logitSoftCap));
  }
}

/** @returns f32 [rows][outputs] */
function project(input: Float32Array, rows: number, w: Float32Array, outputs: number): Float32Array {
  const out = new Float32Array(rows * outputs);
  matmul(input, rows, input.length / rows, w, outputs, out);
  return out;
}

/** x += y, or x += norm(y) */
function addNormed(x: Float32Array, y: Float32Array, norm: Float32Array | null, epsilon: number): void {
  if (norm !== null) rmsNorm(y, norm, epsilon, y);
  add(x, y);
}

/** @param y f32 [rows][bias.length] */
function addBias(y: Float32Array, bias: Float32Array): void {
  for (let i = 0; i < y.length; i++) y[i] += bias[i % bias.length];
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
