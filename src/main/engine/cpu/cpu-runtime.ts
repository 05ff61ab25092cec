/**
 * The `cpu` backend: dense part, attention, RoPE and cache by the native addon, layer after layer over the rows of one
 * chunk:
 *
 *   x = embedding rows; qkv = entry(x)
 *   per layer: attention = native.attend(qkv); (qkv, x) = joint(attention, x)
 *   wanted rows only: logits = logits(attention, x)
 *
 * Reproducible: every step gives a row the same bits whatever the other rows are, so chunking never shows.
 */
import { AppError } from '../../../shared/errors.ts';
import type { GgufFile } from '../../formats/index.ts';
import { checkChunk, letOthersIn } from '../forward.ts';
import { geometryOf, readHyperparameters } from '../hyperparameters.ts';
import { compileKinds } from '../plan/layer-kinds.ts';
import type { AttentionPlan, CompiledPlan } from '../plan/types.ts';
import { inverseFrequencies } from '../rope.ts';
import type { Cache, ForwardOptions, Hyperparameters, Runtime } from '../runtime.ts';
import type { LogitSummary } from '../scoring.ts';
import { loadDense } from './dense-model.ts';
import { LayeredCache } from './layered-cache.ts';
import { machineThreads } from './machine-threads.ts';
import type { Threads } from './machine-threads.ts';
import { NativeBackedCache } from './native-backed-cache.ts';
import type {
  DenseLevel,
  DenseProfileStep,
  NativeAddon,
  NativeCache,
  NativeDense,
} from './native-contract.ts';
import type { PackedFileOptions } from './packed-file.ts';
import { createWorkspace } from './workspace.ts';
import type { Workspace } from './workspace.ts';

/** Raised whenever the same inputs would give other bits: operations or their order changed. */
const NUMERICS_VERSION = 3;

/** Rows of the largest chunk: more brings no speed, and cancelling waits for one layer of one chunk. */
const MAX_ROWS = 512;

/** Rows of one call of the head: cancelling waits for no more. */
const HEAD_ROWS = 64;

/** XPOS scales by zeta^(position / 512) (torchscale's xpos_relative_position.py) */
const XPOS_SCALE_BASE = 512;

/**
 * Rows of guesses beside a token that cost little: up to the last number of rows before a token's time doubles, by kernel
 * (SmolLM2 after 512 tokens, times of a single row, on Emerald Rapids beside other work: amx 8 rows 1.6, avx512vnni 8
 * rows 1.7, avx2 4 rows 1.5 and 8 rows 2.5, scalar 2 rows 2.0). AVX-VNNI and NEON, not measured, as AVX2.
 */
const MOST_DRAFTED: Readonly<Record<DenseLevel, number>> = {
  amx: 7,
  avx512vnni: 7,
  avxvnni: 3,
  avx2: 3,
  neon: 3,
  scalar: 0,
};

export interface CpuRuntimeOptions {
  readonly native: NativeAddon;
  /** storage of keys and values: bf16 for models; f32 for the conformance suite */
  readonly storage?: 'bf16' | 'f32';
  /** dense kernels, for tests: all give the same bits */
  readonly dense?: DenseLevel;
  /** where packed weights are kept; absent: in memory */
  readonly packed?: PackedFileOptions;
  /** where this machine's best numbers of threads are kept; null: they are measured each time; absent: one thread */
  readonly dataFolder?: string | null;
  /** instead of measuring, for tests */
  readonly threads?: Threads;
}

export class CpuRuntime implements Runtime {
  readonly backend = 'cpu';
  readonly hyperparameters: Hyperparameters;
  readonly variant: string;
  readonly numericsVersion = NUMERICS_VERSION;
  readonly maxRows = MAX_ROWS;
  readonly threads: number;
  readonly mostDrafted: number;
  /** for many rows and for one */
  readonly chosenThreads: Threads;
  readonly #dense: NativeDense;
  readonly #native: NativeAddon;
  readonly #storage: 'bf16' | 'f32';
  /** one for each kind of layer */
  readonly #inverseFrequencies: readonly Float64Array[];
  /** since the last call of profile */
  #attentionMs = 0;
  /** one for each forward pass under way: work between layers may run another one on another cache */
  readonly #idleWorkspaces: Workspace[] = [];

  private constructor(hyperparameters: Hyperparameters, dense: NativeDense, options: CpuRuntimeOptions) {
    this.hyperparameters = hyperparameters;
    this.#dense = dense;
    this.#native = options.native;
    this.#storage = options.storage ?? 'bf16';
    this.#inverseFrequencies = hyperparameters.attentionKinds.map((_, kind) =>
      inverseFrequencies(hyperparameters, kind),
    );
    const threads = options.threads ?? machineThreads(dense, hyperparameters, options.dataFolder);
    dense.setThreads(threads.rows, threads.columns);
    this.chosenThreads = threads;
    this.threads = Math.max(threads.rows, threads.columns);
    this.mostDrafted = MOST_DRAFTED[dense.simd];
    this.variant = variantName(options.native, this.#storage);
  }

  /**
   * Loads the model; the file may be closed afterwards.
   * @throws AppError 'unsupported' or 'invalid-input', naming what is wrong with the file
   */
  static async open(gguf: GgufFile, options: CpuRuntimeOptions): Promise<CpuRuntime> {
    const hyperparameters = await readHyperparameters(gguf);
    const dense = await loadDense(gguf, hyperparameters, options.native, options);
    return new CpuRuntime(hyperparameters, dense, options);
  }

  compile(plan: AttentionPlan): CompiledPlan {
    return this.#compileKinds(plan)[0];
  }

  createCache(compiled: CompiledPlan): Cache {
    const { layerKinds, attentionSoftCap } = this.hyperparameters;
    const kinds = this.#compileKinds(compiled.plan).map((plan, kind) =>
      this.#native.createCache({
        compiled: plan,
        layers: layerKinds.filter((each) => each === kind).length,
        maxRows: MAX_ROWS,
        storage: this.#storage,
        inverseFrequencies: this.#inverseFrequencies[kind],
        threads: this.threads,
        xpos: compiled.plan.positions === 'xpos' ? { scaleBase: XPOS_SCALE_BASE } : null,
        softCap: attentionSoftCap,
      }),
    );
    const native = kinds.length === 1 ? kinds[0] : new LayeredCache(kinds, layerKinds);
    return new NativeBackedCache(compiled, native);
  }

  #compileKinds(plan: AttentionPlan): readonly CompiledPlan[] {
    return compileKinds(plan, geometryOf(this.hyperparameters), this.hyperparameters.attentionKinds);
  }

  async forward(cache: Cache, ids: Int32Array, options: ForwardOptions): Promise<Float32Array> {
    checkChunk(ids, this.hyperparameters.vocabulary, this.maxRows);
    if (!(cache instanceof NativeBackedCache))
      throw new AppError('internal', 'The cpu backend was given a cache of another backend.');
    const workspace = this.#idleWorkspaces.pop() ?? createWorkspace(this.hyperparameters, MAX_ROWS);
    try {
      return await cache.lend((native) => this.#run(native, workspace, ids, options));
    } finally {
      this.#idleWorkspaces.push(workspace);
    }
  }

  summarise(logits: Float32Array): LogitSummary {
    return this.#dense.summarise(logits);
  }

  release(): Promise<void> {
    this.#idleWorkspaces.length = 0;
    this.#dense.release();
    return Promise.resolve();
  }

  /** kernels of the dense part */
  get simd(): DenseLevel {
    return this.#dense.simd;
  }

  /** Starts or ends counting; returns what was counted until now, attention last. */
  profile(on: boolean): readonly DenseProfileStep[] {
    const attention = {
      step: 'attention',
      seconds: this.#attentionMs / 1000,
      operations: 0,
      bytes: 0,
      calls: 0,
    };
    this.#attentionMs = 0;
    return [...this.#dense.profile(on), attention];
  }

  async #run(
    cache: NativeCache,
    { residual, qkv, attention }: Workspace,
    ids: Int32Array,
    options: ForwardOptions,
  ): Promise<Float32Array> {
    const { layers } = this.hyperparameters;
    const rows = ids.length;
    cache.begin(rows);
    this.#dense.embed(ids, residual);
    this.#dense.entry(rows, residual, qkv);
    for (let layer = 0; layer < layers; layer++) {
      await letOthersIn(options);
      const start = performance.now();
      cache.attend(layer, qkv, attention);
      this.#attentionMs += performance.now() - start;
      if (layer < layers - 1) this.#dense.joint(layer, rows, attention, residual, qkv);
    }
    const logits = await this.#logits(rows, attention, residual, options);
    if (options.accept === undefined) {
      cache.commit();
      return logits;
    }
    const kept = options.accept(logits);
    cache.commit(kept);
    const { vocabulary } = this.hyperparameters;
    return logits.slice((kept - 1) * vocabulary, kept * vocabulary);
  }

  async #logits(
    rows: number,
    attention: Float32Array,
    residual: Float32Array,
    options: ForwardOptions,
  ): Promise<Float32Array> {
    const { embedding, heads, headDim, vocabulary } = this.hyperparameters;
    const wanted = { none: 0, last: 1, all: rows }[options.logits];
    const logits = new Float32Array(wanted * vocabulary);
    for (let done = 0; done < wanted; done += HEAD_ROWS) {
      await letOthersIn(options);
      const count = Math.min(HEAD_ROWS, wanted - done);
      const first = rows - wanted + done;
      this.#dense.logits(
        count,
        attention.subarray(first * heads * headDim),
        residual.subarray(first * embedding),
        logits.subarray(done * vocabulary),
      );
    }
    return logits;
  }
}

/**
 * What decides a result's bits besides ids, positions and plan: the dense arithmetic (int8 activations per block of 32,
 * the same on every processor) and the attention's level.
 */
function variantName(native: NativeAddon, storage: 'bf16' | 'f32'): string {
  const bits = storage === 'bf16' ? '16' : '32';
  return `cpu-dense8b32-attention-${native.simd}-kv${bits}`;
}
