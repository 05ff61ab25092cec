/**
 * The `cpu` backend: dense blocks by onnxruntime (`dense-model.ts`), attention, RoPE and cache by the native addon,
 * layer after layer over the rows of one chunk:
 *
 *   x = embedding rows; qkv = entry(x)
 *   per layer: attention = native.attend(qkv); (qkv, x) = joint(attention, x)
 *   wanted rows only: logits = head(exit(attention, x))
 *
 * Reproducible: every step gives a row the same bits whatever the other rows are, so chunking never shows.
 */
import { AppError } from '../../../shared/errors.ts';
import type { GgufFile } from '../../formats/index.ts';
import { geometryOf, readHyperparameters } from '../hyperparameters.ts';
import { requirePlainLlama } from '../plain-llama.ts';
import { compilePlan } from '../plan/compile.ts';
import type { AttentionPlan, CompiledPlan } from '../plan/types.ts';
import { inverseFrequencies } from '../rope.ts';
import type { Cache, ForwardOptions, Hyperparameters, Runtime } from '../runtime.ts';
import { DenseModel } from './dense-model.ts';
import { NativeBackedCache } from './native-backed-cache.ts';
import type { NativeAddon, NativeCache, SimdLevel } from './native-contract.ts';
import { matrix, onnxruntimeVersion, rowsOf } from './onnx.ts';
import { Workspace } from './workspace.ts';
import type { ChunkRows } from './workspace.ts';

/** Raised whenever the same inputs would give other bits: graphs, operators or their order changed. */
const NUMERICS_VERSION = 1;

/** Rows of the largest chunk: more brings no speed, and cancelling waits for one layer of one chunk. */
const MAX_ROWS = 512;

/** Rows of one run of the head: hidden rows and the operator's copies of them stay small. */
const HEAD_ROWS = 64;

/** XPOS scales by zeta^(position / 512) (torchscale's xpos_relative_position.py) */
const XPOS_SCALE_BASE = 512;

/** from the widest instructions to none */
const SIMD_LEVELS: readonly SimdLevel[] = ['avx512bf16', 'avx512', 'avx2', 'neon', 'scalar'];

export interface CpuRuntimeOptions {
  readonly native: NativeAddon;
  /** storage of keys and values: bf16 for models; f32 for the conformance suite */
  readonly storage?: 'bf16' | 'f32';
}

export class CpuRuntime implements Runtime {
  readonly backend = 'cpu';
  readonly hyperparameters: Hyperparameters;
  readonly variant: string;
  readonly numericsVersion = NUMERICS_VERSION;
  readonly maxRows = MAX_ROWS;
  readonly #dense: DenseModel;
  readonly #native: NativeAddon;
  readonly #storage: 'bf16' | 'f32';
  readonly #inverseFrequencies: Float64Array;
  /** one for each forward pass under way: work between layers may run another one on another cache */
  readonly #idleWorkspaces: Workspace[] = [];

  private constructor(hyperparameters: Hyperparameters, dense: DenseModel, options: CpuRuntimeOptions) {
    this.hyperparameters = hyperparameters;
    this.#dense = dense;
    this.#native = options.native;
    this.#storage = options.storage ?? 'bf16';
    this.#inverseFrequencies = inverseFrequencies(hyperparameters);
    this.variant = variantName(options.native, this.#storage);
  }

  /**
   * Loads the model; the file may be closed afterwards.
   * @throws AppError 'unsupported' or 'invalid-input', naming what is wrong with the file
   */
  static async open(gguf: GgufFile, options: CpuRuntimeOptions): Promise<CpuRuntime> {
    const hyperparameters = await readHyperparameters(gguf);
    requirePlainLlama(gguf, hyperparameters, 'cpu');
    const dense = await DenseModel.load(gguf, hyperparameters, (...matrixArguments) =>
      options.native.repack(...matrixArguments),
    );
    return new CpuRuntime(hyperparameters, dense, options);
  }

  compile(plan: AttentionPlan): CompiledPlan {
    return compilePlan(plan, geometryOf(this.hyperparameters));
  }

  createCache(compiled: CompiledPlan): Cache {
    const native = this.#native.createCache({
      compiled,
      layers: this.hyperparameters.layers,
      maxRows: MAX_ROWS,
      storage: this.#storage,
      inverseFrequencies: this.#inverseFrequencies,
      xpos: compiled.plan.positions === 'xpos' ? { scaleBase: XPOS_SCALE_BASE } : null,
    });
    return new NativeBackedCache(compiled, native);
  }

  async forward(cache: Cache, ids: Int32Array, options: ForwardOptions): Promise<Float32Array> {
    this.#check(ids);
    if (!(cache instanceof NativeBackedCache))
      throw new AppError('internal', 'The cpu backend was given a cache of another backend.');
    const workspace = this.#idleWorkspaces.pop() ?? new Workspace(this.hyperparameters, MAX_ROWS);
    try {
      return await cache.lend((native) => this.#run(native, workspace.rows(ids.length), ids, options));
    } finally {
      this.#idleWorkspaces.push(workspace);
    }
  }

  async release(): Promise<void> {
    this.#idleWorkspaces.length = 0;
    await this.#dense.release();
  }

  async #run(
    cache: NativeCache,
    chunk: ChunkRows,
    ids: Int32Array,
    options: ForwardOptions,
  ): Promise<Float32Array> {
    const { layers } = this.hyperparameters;
    const { qkv, attention } = chunk;
    let [residual, next] = chunk.residuals;
    cache.begin(ids.length);
    this.#lookUp(ids, residual.values);
    await this.#dense.entry(residual, qkv);
    for (let layer = 0; layer < layers; layer++) {
      await letOthersIn(options);
      cache.attend(layer, qkv.values, attention.values);
      if (layer === layers - 1) break;
      await this.#dense.joint(layer, { attention, residual }, { qkv, next });
      [residual, next] = [next, residual];
    }
    const logits = await this.#logits(chunk.rows, { attention, residual }, next, options);
    cache.commit();
    return logits;
  }

  /** `scratch` has at least as many rows as the chunk */
  async #logits(
    rows: number,
    layer: { attention: ChunkRows['attention']; residual: ChunkRows['qkv'] },
    scratch: ChunkRows['qkv'],
    options: ForwardOptions,
  ): Promise<Float32Array> {
    const { vocabulary } = this.hyperparameters;
    const wanted = { none: 0, last: 1, all: rows }[options.logits];
    const logits = new Float32Array(wanted * vocabulary);
    for (let done = 0; done < wanted; done += HEAD_ROWS) {
      await letOthersIn(options);
      const count = Math.min(HEAD_ROWS, wanted - done);
      const first = rows - wanted + done;
      await this.#dense.logits(
        {
          attention: rowsOf(layer.attention, first, count),
          residual: rowsOf(layer.residual, first, count),
        },
        rowsOf(scratch, 0, count),
        matrix(logits.subarray(done * vocabulary), count, vocabulary),
      );
    }
    return logits;
  }

  #lookUp(ids: Int32Array, out: Float32Array): void {
    const { info, bytes } = this.#dense.embedding;
    const { type } = info;
    if (type !== 'F32' && type !== 'F16' && type !== 'Q8_0' && type !== 'Q4_0' && type !== 'Q4_1')
      throw new AppError('unsupported', `An embedding of the type ${info.typeName} is not supported.`);
    this.#native.gatherRows(type, bytes, this.hyperparameters.embedding, ids, out);
  }

  #check(ids: Int32Array): void {
    const { vocabulary } = this.hyperparameters;
    if (ids.length < 1 || ids.length > MAX_ROWS)
      throw new AppError(
        'internal',
        `A chunk of ${String(ids.length)} rows; 1 to ${String(MAX_ROWS)} can be run.`,
      );
    const foreign = ids.find((id) => id < 0 || id >= vocabulary);
    if (foreign !== undefined)
      throw new AppError(
        'invalid-input',
        `Token id ${String(foreign)} is outside the model's vocabulary of ${String(vocabulary)}.`,
        'Tokenise with the tokenizer of the same model file.',
      );
  }
}

/** Between layers: cancelled work ends here, other work of the process runs here. */
async function letOthersIn(options: ForwardOptions): Promise<void> {
  await options.betweenLayers?.();
  if (options.signal?.aborted === true) throw new AppError('interrupted', 'The computation was cancelled.');
}

/**
 * What decides a result's bits besides ids, positions and plan: onnxruntime's version and kernels (it picks them by
 * the CPU, which `available` stands for) and the addon's level.
 */
function variantName(native: NativeAddon, storage: 'bf16' | 'f32'): string {
  const widest = SIMD_LEVELS.find((level) => native.available.includes(level)) ?? 'scalar';
  const bits = storage === 'bf16' ? '16' : '32';
  return `cpu-ort${onnxruntimeVersion()}-${widest}-attention-${native.simd}-kv${bits}`;
}
