/**
 * The `webgpu` backend: the whole model on the device, in f32. A chunk of 1 to `MAX_ROWS` tokens is one submission of
 * one pass with six dispatches a layer:
 *
 *   x = embedding rows
 *   per layer: qkv = Wqkv norm(x); rings take k and v; attention; x += Wo attention;
 *              hidden = Wgate|up norm(x); x += Wdown swiglu(hidden)
 *   wanted rows only: logits = Wout norm(x)
 *
 * Reproducible: every kernel gives a row the same bits whatever the other rows are, so chunking never shows.
 */
import { AppError } from '../../../shared/errors.ts';
import type { GgufFile } from '../../formats/index.ts';
import { geometryOf, readHyperparameters } from '../hyperparameters.ts';
import { requirePlainLlama } from '../plain-llama.ts';
import { compilePlan } from '../plan/compile.ts';
import type { AttentionPlan, CompiledPlan } from '../plan/types.ts';
import { inverseFrequencies } from '../rope.ts';
import type { Cache, ForwardOptions, Hyperparameters, Runtime } from '../runtime.ts';
import { Device } from './device.ts';
import type { CacheContext } from './cache-context.ts';
import { GpuCache } from './gpu-cache.ts';
import { GpuModel } from './gpu-model.ts';

/** Raised whenever the same inputs would give other bits: kernels or their order changed. */
const NUMERICS_VERSION = 1;

/** Rows of the largest chunk: a submission must stay short, or the driver's watchdog ends it. */
const MAX_ROWS = 128;

export interface GpuRuntimeOptions {
  /** part of the adapter's name; absent = the one that Dawn prefers */
  readonly device?: string;
  /** for tests: largest plane of a matrix in bytes; larger ones are split over buffers. Default: the device's limit */
  readonly largestPlane?: number;
}

export class GpuRuntime implements Runtime {
  readonly backend = 'webgpu';
  readonly hyperparameters: Hyperparameters;
  readonly variant: string;
  /** the adapter's name and driver */
  readonly device: string;
  readonly numericsVersion = NUMERICS_VERSION;
  readonly maxRows = MAX_ROWS;
  readonly #device: Device;
  readonly #model: GpuModel;
  readonly #caches: CacheContext;

  private constructor(hyperparameters: Hyperparameters, device: Device, model: GpuModel) {
    this.hyperparameters = hyperparameters;
    this.variant = `webgpu-f32-${device.name}-${device.driver}`.toLowerCase().replaceAll(/[^a-z\d.]+/g, '-');
    this.device = device.driver === '' ? device.name : device.driver;
    this.#device = device;
    this.#model = model;
    this.#caches = {
      ...model.buffers,
      device,
      kernels: model.cacheKernels,
      layers: hyperparameters.layers,
      maxRows: MAX_ROWS,
      frequencies: inverseFrequencies(hyperparameters),
    };
  }

  /**
   * Loads the model; the file may be closed afterwards.
   * @throws AppError 'unsupported' or 'invalid-input', naming what is wrong with the file or the adapter
   */
  static async open(gguf: GgufFile, options: GpuRuntimeOptions = {}): Promise<GpuRuntime> {
    const hyperparameters = await readHyperparameters(gguf);
    requirePlainLlama(gguf, hyperparameters, 'webgpu');
    const device = await Device.open(options.device);
    try {
      const largestPlane = options.largestPlane ?? device.largestBinding;
      const checkErrors = device.collectErrors();
      const model = await GpuModel.load(gguf, hyperparameters, device, { maxRows: MAX_ROWS, largestPlane });
      await checkErrors();
      return new GpuRuntime(hyperparameters, device, model);
    } catch (error) {
      device.release();
      throw error;
    }
  }

  /** Dispatches of one token's pass: in each layer, and besides. */
  get dispatches(): { readonly perLayer: number; readonly besides: number } {
    return this.#model.dispatches;
  }

  compile(plan: AttentionPlan): CompiledPlan {
    return compilePlan(plan, geometryOf(this.hyperparameters));
  }

  createCache(compiled: CompiledPlan): Cache {
    return new GpuCache(this.#caches, compiled);
  }

  async forward(cache: Cache, ids: Int32Array, options: ForwardOptions): Promise<Float32Array> {
    this.#check(ids);
    if (!(cache instanceof GpuCache))
      throw new AppError('internal', 'The webgpu backend was given a cache of another backend.');
    return cache.lend(async () => {
      // A chunk is one submission: other work has its turns, and cancelling its place, before it.
      for (let layer = 0; layer < this.hyperparameters.layers; layer++) await letOthersIn(options);
      return this.#run(cache, ids, options);
    });
  }

  async release(): Promise<void> {
    this.#device.release();
    await Promise.resolve();
  }

  /** Up to the submission in one go: the buffers of a chunk are shared by all caches. */
  async #run(cache: GpuCache, ids: Int32Array, options: ForwardOptions): Promise<Float32Array> {
    const rows = ids.length;
    const wanted = { none: 0, last: 1, all: rows }[options.logits];
    const checkErrors = this.#device.collectErrors();
    const step = cache.prepare(rows);
    const model = this.#model;
    const { queue } = this.#device.gpu;
    const encoder = this.#device.gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    model.encodeEmbedding(pass, rows);
    cache.encodeKeyTurns(pass, step);
    for (let layer = 0; layer < this.hyperparameters.layers; layer++) {
      model.encodeProjections(pass, layer, rows);
      cache.encodeLayer(pass, layer, step, rows);
      model.encodeRest(pass, layer, rows);
    }
    if (wanted > 0) model.encodeHead(pass, wanted);
    pass.end();
    model.upload(ids, wanted);
    cache.upload(step);
    queue.submit([encoder.finish()]);
    await checkErrors();

    let result = new Float32Array(0);
    if (wanted > 0) {
      const bytes = await this.#device.read([
        { buffer: model.buffers.logits, offset: 0, bytes: wanted * this.hyperparameters.vocabulary * 4 },
      ]);
      result = new Float32Array(bytes.buffer);
    } else {
      await queue.onSubmittedWorkDone();
    }
    this.#device.checkAlive();
    cache.commit(rows, step.reach);
    return result;
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

async function letOthersIn(options: ForwardOptions): Promise<void> {
  await options.betweenLayers?.();
  if (options.signal?.aborted === true) throw new AppError('interrupted', 'The computation was cancelled.');
}
