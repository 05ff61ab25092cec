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
import { checkChunk, letOthersIn } from '../forward.ts';
import { geometryOf, readHyperparameters } from '../hyperparameters.ts';
import { compileKinds } from '../plan/layer-kinds.ts';
import type { AttentionPlan, CompiledPlan } from '../plan/types.ts';
import { inverseFrequencies, queryScales } from '../rope.ts';
import type {
  Cache,
  DeviceGeneration,
  ForwardOptions,
  GeneratedOnDevice,
  Hyperparameters,
  Runtime,
} from '../runtime.ts';
import { logitRows } from './activations.ts';
import type { DeviceOptions } from './device.ts';
import { Device, megabytes } from './device.ts';
import { AttentionBlocks } from './attention-blocks.ts';
import type { CacheContext } from './cache-context.ts';
import { canSampleOnDevice, DeviceSampler } from './device-sampler.ts';
import { Generator } from './generation.ts';
import { GpuCache } from './gpu-cache.ts';
import { GpuModel } from './gpu-model.ts';
import type { Arithmetic, KvBits } from './kernels/index.ts';
import { Kernels } from './kernels/index.ts';
import { CountingPass } from './kernel-pass.ts';
import { planMemory, requireRoom } from './memory-plan.ts';
import type { KernelTime } from './profile.ts';
import { ProfilingPass } from './profile.ts';
import type { RoundRequest } from './sharding/gpu-round.ts';
import { GpuRound, Staging } from './sharding/gpu-round.ts';
import { wholeRound } from './sharding/stretch.ts';
import { TurnTables } from './turn-tables.ts';

/** Raised whenever the same inputs would give other bits: kernels or their order changed. */
const NUMERICS_VERSION = 4;

/** Rows of the largest chunk: a submission must stay short, or the driver's watchdog ends it. */
export const MAX_ROWS = 512;

export interface GpuRuntimeOptions extends DeviceOptions {
  /** part of the adapter's name; absent = the one that Dawn prefers */
  readonly device?: string;
  /** for tests: instead of `device`; stays open when the runtime is released */
  readonly shared?: OpenDevice;
  /** bits of the numbers in keys and values; default 16. 8: with a scale for each 32. 32 is for tests: the reference keeps them so. */
  readonly kvBits?: KvBits;
  /** of products by quantised matrices; default f32 */
  readonly arithmetic?: Arithmetic;
  /** for tests: false = without the kernels for many rows, which some software adapters compile for minutes */
  readonly tiled?: boolean;
  /** for tests: is given the device, to take it away */
  readonly onDevice?: (device: GPUDevice) => void;
  /** tokens of the largest round that several devices share; default: those of a chunk */
  readonly roundRows?: number;
  /** for tests: largest plane of a matrix in bytes; larger ones are split over buffers. Default: the device's limit */
  readonly largestPlane?: number;
}

/** A device with its compiled kernels, for several runtimes one after another or side by side. */
export interface OpenDevice {
  readonly device: Device;
  readonly kernels: Kernels;
}

interface RuntimeParts {
  readonly kvBits: KvBits;
  readonly roundRows: number;
  readonly close: () => void;
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
  readonly #close: () => void;
  readonly #staging: Staging;
  readonly #samplers: Partial<Record<'greedy' | 'drawn', Promise<DeviceSampler>>> = {};
  #generator: Generator | null = null;
  #inFlight: Promise<unknown> = Promise.resolve();

  private constructor(
    hyperparameters: Hyperparameters,
    device: Device,
    model: GpuModel,
    { kvBits, roundRows, close }: RuntimeParts,
  ) {
    this.#close = close;
    this.hyperparameters = hyperparameters;
    const products = model.kernels.arithmetic === 'f32' ? '' : `-${model.kernels.arithmetic}`;
    this.variant = `webgpu${products}-kv${String(kvBits)}-${device.name}-${device.driver}`
      .toLowerCase()
      .replaceAll(/[^a-z\d.]+/g, '-');
    this.device = device.driver === '' ? device.name : device.driver;
    this.#device = device;
    this.#model = model;
    this.#staging = new Staging(device);
    this.#caches = {
      ...model.buffers,
      device,
      kernels: model.attention,
      kvBits,
      kinds: hyperparameters.attentionKinds.map((_, kind) => ({
        turnTables: new TurnTables(inverseFrequencies(hyperparameters, kind)),
        blocks: new AttentionBlocks(device, model.attention),
      })),
      layerKinds: hyperparameters.layerKinds,
      maxRows: MAX_ROWS,
      roundRows,
      queryScales: queryScales(hyperparameters),
      softCap: hyperparameters.attentionSoftCap,
      headGains: model.headGains,
      rmsEpsilon: hyperparameters.rmsEpsilon,
    };
  }

  /**
   * Loads the model; the file may be closed afterwards.
   * @throws AppError 'unsupported' or 'invalid-input', naming what is wrong with the file or the adapter
   */
  static async open(gguf: GgufFile, options: GpuRuntimeOptions = {}): Promise<GpuRuntime> {
    const hyperparameters = await readHyperparameters(gguf);
    const { kvBits = 16, roundRows = MAX_ROWS, shared } = options;
    const { device, kernels } = shared ?? (await openDevice(options));
    options.onDevice?.(device.gpu);
    const close = (): void => {
      if (shared === undefined) device.release();
    };
    try {
      requireUnits(device, kernels);
      const largestPlane = options.largestPlane ?? device.largestBinding;
      const { largestBinding } = device;
      const sizes = { kvBits, maxRows: MAX_ROWS, roundRows, largestBinding };
      const memory = planMemory(gguf, hyperparameters, sizes);
      const free = await device.freeMemory();
      if (free !== null) requireRoom(memory, free);
      const checkErrors = device.collectErrors(
        () =>
          `the model takes ${megabytes(memory.weights)} MB, and ${megabytes(memory.scratch)} MB to work with`,
      );
      const load = { maxRows: MAX_ROWS, largestPlane, kvBits, kernels };
      const model = await GpuModel.load(gguf, hyperparameters, device, load);
      await checkErrors();
      return new GpuRuntime(hyperparameters, device, model, { kvBits, roundRows, close });
    } catch (error) {
      close();
      throw error;
    }
  }

  /** Dispatches of one token's pass: in each layer, and besides. */
  get dispatches(): { readonly perLayer: number; readonly besides: number } {
    return this.#model.dispatches;
  }

  /** lanes of the subgroups that sums and maxima go through; null: they go through workgroup memory, to the same bits */
  get subgroupSize(): number | null {
    return this.#device.subgroupSize;
  }

  /** of products by quantised matrices */
  get arithmetic(): Arithmetic {
    return this.#model.kernels.arithmetic;
  }

  compile(plan: AttentionPlan): CompiledPlan {
    return this.#compileKinds(plan)[0];
  }

  createCache(compiled: CompiledPlan): GpuCache {
    return new GpuCache(this.#caches, this.#compileKinds(compiled.plan));
  }

  #compileKinds(plan: AttentionPlan): readonly CompiledPlan[] {
    return compileKinds(plan, geometryOf(this.hyperparameters), this.hyperparameters.attentionKinds);
  }

  async forward(cache: Cache, ids: Int32Array, options: ForwardOptions): Promise<Float32Array> {
    checkChunk(ids, this.hyperparameters.vocabulary, this.maxRows);
    if (!(cache instanceof GpuCache))
      throw new AppError('internal', 'The webgpu backend was given a cache of another backend.');
    return cache.lend(async () => {
      // A chunk is one submission: other work has its turns, and cancelling its place, before it.
      for (let layer = 0; layer < this.hyperparameters.layers; layer++) await letOthersIn(options);
      return undoing(cache, () => this.#run(cache, ids, options));
    });
  }

  /** This device's part in a round of several devices, by a cache that is lent to it. */
  round(cache: GpuCache, request: RoundRequest): GpuRound {
    const { ids, total, ahead } = request;
    checkChunk(ids, this.hyperparameters.vocabulary, this.maxRows);
    if (ahead + total > this.#caches.roundRows)
      throw new AppError('internal', `A round of ${String(total)} rows, for which rings have no room.`);
    const [device, model, staging] = [this.#device, this.#model, this.#staging];
    const logits = this.#logits.bind(this);
    return new GpuRound({ device, model, staging, logits }, cache, request);
  }

  async release(): Promise<void> {
    this.#close();
    await Promise.resolve();
  }

  async generate(cache: Cache, request: DeviceGeneration): Promise<GeneratedOnDevice | null> {
    if (!(cache instanceof GpuCache) || !canSampleOnDevice(request.sampling)) return null;
    const sampler = await this.#sampler(request.sampling.temperature === 0 ? 'greedy' : 'drawn');
    this.#generator ??= new Generator(this.#device, this.#model, this.hyperparameters.vocabulary);
    const generator = this.#generator;
    return cache.lend(() => undoing(cache, () => generator.run(cache, sampler, request)));
  }

  /**
   * The times of all kernels of one chunk; the cache takes the ids.
   * @throws AppError 'unsupported' where the adapter has no timestamps
   */
  async profile(cache: Cache, ids: Int32Array): Promise<readonly KernelTime[]> {
    checkChunk(ids, this.hyperparameters.vocabulary, this.maxRows);
    if (!(cache instanceof GpuCache)) throw new AppError('internal', 'A cache of another backend.');
    return cache.lend(async () => {
      const pass = new ProfilingPass(this.#device, this.#device.gpu.createCommandEncoder());
      const chunk = cache.prepare(wholeRound(ids.length));
      this.#model.encodeForward(pass, cache, chunk, 1);
      this.#model.upload(ids, 1);
      cache.upload(chunk);
      const times = await pass.times();
      cache.commit(ids.length, chunk.reach);
      return times;
    });
  }

  /** What one token costs at a position, counted without running it. */
  count(
    cache: Cache,
    rows: number,
  ): { readonly dispatches: number; readonly flops: number; readonly bytes: number } {
    if (!(cache instanceof GpuCache)) throw new AppError('internal', 'A cache of another backend.');
    const pass = new CountingPass();
    this.#model.encodeForward(pass, cache, cache.prepare(wholeRound(rows)), 1);
    return pass;
  }

  #sampler(kind: 'greedy' | 'drawn'): Promise<DeviceSampler> {
    const { kernels, buffers } = this.#model;
    const { vocabulary } = this.hyperparameters;
    this.#samplers[kind] ??= DeviceSampler.create(this.#device, kernels, vocabulary, buffers, kind);
    return this.#samplers[kind];
  }

  /** Up to the submission in one go: the buffers of a chunk are shared by all caches. */
  async #run(cache: GpuCache, ids: Int32Array, options: ForwardOptions): Promise<Float32Array> {
    const rows = ids.length;
    const wanted = { none: 0, last: 1, all: rows }[options.logits];
    const checkErrors = this.#device.collectErrors(() => cache.need);
    const chunk = cache.prepare(wholeRound(rows));
    const model = this.#model;
    const { queue } = this.#device.gpu;
    const encoder = this.#device.gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    model.encodeForward(pass, cache, chunk, 0);
    pass.end();
    model.upload(ids, 0);
    cache.upload(chunk);
    queue.submit([encoder.finish()]);
    await checkErrors();
    const logits = await this.#logits(rows - wanted, wanted);
    if (wanted === 0) await this.#oneInFlight();
    this.#device.checkAlive();
    cache.commit(rows, chunk.reach);
    return logits;
  }

  /**
   * A chunk without logits is not waited for, but for the one before it: the next one is prepared meanwhile. Whatever
   * reads comes after it on the device.
   */
  async #oneInFlight(): Promise<void> {
    const before = this.#inFlight;
    this.#inFlight = this.#device.gpu.queue.onSubmittedWorkDone();
    await before;
  }

  /** Of `count` rows of the chunk that was run last. */
  async #logits(firstRow: number, count: number): Promise<Float32Array> {
    const { vocabulary } = this.hyperparameters;
    const all = new Float32Array(count * vocabulary);
    for (let done = 0; done < count; done += logitRows) {
      const rows = Math.min(logitRows, count - done);
      const encoder = this.#device.gpu.createCommandEncoder();
      const pass = encoder.beginComputePass();
      this.#model.encodeHead(pass, rows);
      pass.end();
      this.#model.uploadHead(rows, firstRow + done);
      this.#device.gpu.queue.submit([encoder.finish()]);
      const piece = { buffer: this.#model.buffers.logits, offset: 0, bytes: rows * vocabulary * 4 };
      const bytes = await this.#device.read([piece]);
      all.set(new Float32Array(bytes.buffer), done * vocabulary);
    }
    return all;
  }
}

/** The adapter that `options` name, opened, without a kernel yet. */
export async function openDevice(options: GpuRuntimeOptions): Promise<OpenDevice> {
  const { device: name, tiled = true, arithmetic = 'f32' } = options;
  const device = await Device.open(name, options);
  return { device, kernels: new Kernels(device, { tiled, arithmetic }) };
}

/** @throws AppError 'unsupported' for kernels that the adapter has no units for */
function requireUnits(device: Device, { arithmetic }: Kernels): void {
  if (device.computes(arithmetic)) return;
  const missing =
    arithmetic === 'f16'
      ? '16-bit arithmetic (shader-f16)'
      : 'matrix units of 16 x 16 x 16 halves for subgroups of 32';
  throw new AppError(
    'unsupported',
    `${device.name} has no ${missing}.`,
    'Set LONGLEAF_GPU_ARITHMETIC to f32 or int8, or to nothing.',
  );
}

/** Work that fails, perhaps because memory ran out in the middle of it, leaves the cache as it was. */
async function undoing<T>(cache: GpuCache, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    cache.undo();
    throw error;
  }
}
