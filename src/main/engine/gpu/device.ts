/** A GPU device with the few things that the runtime does with it: buffers, uploads, reading back, being lost. */
import { AppError } from '../../../shared/errors.ts';
import { chosenCard, requestAdapter } from './dawn.ts';
import { freeDeviceMemory } from './device-memory.ts';
import type { Arithmetic } from './kernels/index.ts';
import { fixedSubgroupSize, usableSubgroupSize } from './subgroup-test.ts';

/** GPUBufferUsage and GPUMapMode are globals of browsers; these are the standard's numbers. */
const usage = {
  mapRead: 0x1,
  copySource: 0x4,
  copyTarget: 0x8,
  uniform: 0x40,
  storage: 0x80,
  queryResolve: 0x200,
} as const;
const MAP_READ = 1;

/** Taken where the adapter has them. */
const wantedFeatures = [
  'timestamp-query',
  'shader-f16',
  'subgroups',
  'chromium-experimental-subgroup-matrix',
];

export interface DeviceOptions {
  /** bytes that buffers may take together; default: what the driver gives */
  readonly memoryLimit?: number;
  /** false: sums and maxima go through workgroup memory even where they could through subgroups; the same bits */
  readonly subgroups?: boolean;
}

export class Device {
  readonly name: string;
  /** Driver and version, as Dawn describes them: part of the kernel variant. */
  readonly driver: string;
  /** all features of the adapter, asked for or not */
  readonly offered: readonly string[];
  /** shapes and types of its matrix units, as Dawn lists them */
  readonly matrixUnits: readonly MatrixUnit[];
  /** whether they are such as matmul-matrix.wgsl is written for */
  readonly hasMatrixUnits: boolean;
  readonly gpu: GPUDevice;
  /** lanes of its subgroups, where sums and maxima go through them; null: through workgroup memory */
  readonly subgroupSize: number | null;
  /** computes on the processor */
  readonly software: boolean;
  readonly vendor: string;
  /** bytes that buffers may take together: as asked for; null = what the driver gives */
  readonly #memoryLimit: number | null;
  #allocated = 0;
  #lost: string | null = null;
  #isReleased = false;

  private constructor(
    adapter: GPUAdapter,
    gpu: GPUDevice,
    { memoryLimit, subgroupSize }: { memoryLimit: number | null; subgroupSize: number | null },
  ) {
    this.#memoryLimit = memoryLimit;
    this.subgroupSize = subgroupSize;
    this.software = adapter.info.isFallbackAdapter;
    this.vendor = adapter.info.vendor;
    this.name = adapter.info.device;
    this.driver = adapter.info.description;
    this.offered = [...adapter.features];
    this.matrixUnits = matrixUnitsOf(adapter.info);
    this.hasMatrixUnits = this.matrixUnits.some(fits) && fixedSubgroupSize(adapter.info) === 32;
    this.gpu = gpu;
    void gpu.lost.then(({ reason, message }) => {
      if (!this.#isReleased) this.#lost = message === '' ? reason : message;
    });
  }

  /**
   * @param name part of the adapter's name, with "#2" the second of those that are called so; absent = the one that
   *   Dawn prefers
   * @throws AppError 'unsupported' when there is no adapter, or it refuses
   */
  static async open(name?: string, options: DeviceOptions = {}): Promise<Device> {
    return Device.onAdapter(await requestAdapter(name), options);
  }

  /** @throws AppError 'unsupported' when it refuses */
  static async onAdapter(
    adapter: GPUAdapter,
    { memoryLimit, subgroups = true }: DeviceOptions = {},
  ): Promise<Device> {
    const { maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage } = adapter.limits;
    const { maxComputeWorkgroupStorageSize, maxComputeInvocationsPerWorkgroup } = adapter.limits;
    try {
      const gpu = await adapter.requestDevice({
        requiredFeatures: wantedFeatures.filter((feature): feature is GPUFeatureName =>
          adapter.features.has(feature),
        ),
        requiredLimits: {
          ...{ maxBufferSize, maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage },
          ...{ maxComputeWorkgroupStorageSize, maxComputeInvocationsPerWorkgroup },
        },
      });
      const subgroupSize = subgroups ? await usableSubgroupSize(gpu, adapter.info) : null;
      return new Device(adapter, gpu, { memoryLimit: memoryLimit ?? null, subgroupSize });
    } catch (cause) {
      throw new AppError(
        'unsupported',
        `The graphics adapter ${adapter.info.device} (${adapter.info.description}) refuses to be opened: ${reasonOf(cause)}.`,
        'Update its driver, or use --backend cpu.',
        { cause },
      );
    }
  }

  /** Whether it has what products in this arithmetic need; whether they are right there the adapter's test finds out. */
  computes(arithmetic: Arithmetic): boolean {
    if (arithmetic === 'matrix') return this.hasMatrixUnits;
    return arithmetic !== 'f16' || this.gpu.features.has('shader-f16');
  }

  /** Bytes of the largest buffer that a kernel can see. */
  get largestBinding(): number {
    const { maxStorageBufferBindingSize, maxBufferSize } = this.gpu.limits;
    return Math.min(maxStorageBufferBindingSize, maxBufferSize);
  }

  /** @throws AppError 'engine-lost' once the driver has given the device up: nothing on it can be trusted */
  checkAlive(): void {
    if (this.#lost === null) return;
    throw new AppError(
      'engine-lost',
      `The graphics device was lost: ${this.#lost}`,
      'Ask again: the engine starts anew from the last saved state. If it happens again, use --backend cpu.',
    );
  }

  /** Zeros. @throws AppError 'unsupported' beyond what the adapter can bind */
  storage(bytes: number, what: string): GPUBuffer {
    if (bytes > this.largestBinding) {
      throw new AppError(
        'unsupported',
        `${what}: ${megabytes(bytes)} MB, and kernels of this adapter see at most ${megabytes(this.largestBinding)} MB.`,
        'Use a shorter context or a bounded attention plan, or --backend cpu.',
      );
    }
    const size = Math.max(16, bytes);
    const free = (this.#memoryLimit ?? Infinity) - this.#allocated;
    if (size > free)
      throw outOfMemory(`${what}: ${megabytes(size)} MB more, and ${megabytes(free)} MB are left`);
    const buffer = this.gpu.createBuffer({
      size,
      usage: usage.storage | usage.copySource | usage.copyTarget,
    });
    this.#allocated += size;
    return buffer;
  }

  /** Frees what `storage` gave. */
  discard(buffer: GPUBuffer): void {
    this.#allocated -= buffer.size;
    buffer.destroy();
  }

  /** Bytes that may still be taken: by the limit, else as the system says; null where nobody knows. */
  async freeMemory(): Promise<number | null> {
    if (this.#memoryLimit !== null) return this.#memoryLimit - this.#allocated;
    const { name, vendor, software } = this;
    return freeDeviceMemory({ name, vendor, software, address: chosenCard()?.address });
  }

  /** A constant table for kernels. */
  constant(data: Uint8Array<ArrayBuffer> | Uint32Array<ArrayBuffer>, what: string): GPUBuffer {
    const buffer = this.storage(data.byteLength, what);
    this.gpu.queue.writeBuffer(buffer, 0, data);
    return buffer;
  }

  /** Parameters of a kernel: 32-bit numbers in the order of its struct. */
  uniform(words: Uint32Array<ArrayBuffer>): GPUBuffer {
    const size = Math.ceil(words.byteLength / 16) * 16;
    const buffer = this.gpu.createBuffer({ size, usage: usage.uniform | usage.copyTarget });
    this.#allocated += size;
    this.gpu.queue.writeBuffer(buffer, 0, words);
    return buffer;
  }

  /** Where timestamps are put. */
  queryResults(bytes: number): GPUBuffer {
    return this.gpu.createBuffer({ size: bytes, usage: usage.queryResolve | usage.copySource });
  }

  /** Memory that work is copied to, for this process to map. */
  readable(bytes: number): GPUBuffer {
    return this.gpu.createBuffer({ size: bytes, usage: usage.mapRead | usage.copyTarget });
  }

  bindGroup(
    pipeline: GPUComputePipeline,
    buffers: Readonly<Record<number, GPUBuffer>>,
    group = 0,
  ): GPUBindGroup {
    const entries = Object.entries(buffers).map(([binding, buffer]) => ({
      binding: Number(binding),
      resource: { buffer },
    }));
    return this.gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(group), entries });
  }

  /**
   * Copies pieces of buffers to this process's memory, one after another; offsets and lengths are multiples of 4.
   * Waits for all work that was submitted before.
   */
  async read(
    pieces: readonly { readonly buffer: GPUBuffer; readonly offset: number; readonly bytes: number }[],
  ): Promise<Uint8Array<ArrayBuffer>> {
    const size = pieces.reduce((sum, { bytes }) => sum + bytes, 0);
    if (size === 0) return new Uint8Array(0);
    const staging = this.readable(size);
    try {
      const encoder = this.gpu.createCommandEncoder();
      let at = 0;
      for (const { buffer, offset, bytes } of pieces) {
        encoder.copyBufferToBuffer(buffer, offset, staging, at, bytes);
        at += bytes;
      }
      this.gpu.queue.submit([encoder.finish()]);
      await staging.mapAsync(MAP_READ);
      return new Uint8Array(staging.getMappedRange().slice(0));
    } catch (error) {
      await Promise.resolve();
      this.checkAlive();
      throw error;
    } finally {
      staging.destroy();
    }
  }

  /**
   * Begins to collect errors of what is given to the device from now on; the returned function ends it (at once) and
   * resolves when the device found nothing wrong.
   * @param what needs the memory, with how much
   * @throws AppError 'internal' when work was refused, 'unsupported' when the device's memory ran out
   */
  collectErrors(what: () => string): () => Promise<void> {
    this.checkAlive();
    this.gpu.pushErrorScope('validation');
    this.gpu.pushErrorScope('out-of-memory');
    return async () => {
      const [memory, validation] = await Promise.all([this.gpu.popErrorScope(), this.gpu.popErrorScope()]);
      this.checkAlive();
      if (memory !== null) throw outOfMemory(what(), memory);
      if (validation !== null)
        throw new AppError('internal', `The graphics device refused the work: ${validation.message}`);
    };
  }

  release(): void {
    this.#isReleased = true;
    this.gpu.destroy();
  }
}

/** The driver's first line, without its full stop. */
function reasonOf(cause: unknown): string {
  const [line = ''] = (cause instanceof Error ? cause.message : String(cause)).trim().split('\n');
  return line.replace(/\.$/, '');
}

/** Two matrices M x K and K x N, and a sum M x N. */
interface MatrixUnit {
  readonly M: unknown;
  readonly N: unknown;
  readonly K: unknown;
  readonly componentType: unknown;
  readonly resultComponentType: unknown;
}

function fits({ M, N, K, componentType, resultComponentType }: MatrixUnit): boolean {
  return [M, N, K].every((side) => side === 16) && componentType === 'f16' && resultComponentType === 'f32';
}

/** Dawn's experimental list, plain. */
function matrixUnitsOf(info: GPUAdapterInfo): readonly MatrixUnit[] {
  const { subgroupMatrixConfigs } = info as { readonly subgroupMatrixConfigs?: Iterable<object> };
  return [...(subgroupMatrixConfigs ?? [])].map((config) => {
    const { M, N, K, componentType, resultComponentType } = config as Record<string, unknown>;
    return { M, N, K, componentType, resultComponentType };
  });
}

function outOfMemory(what: string, cause?: unknown): AppError {
  return new AppError(
    'unsupported',
    `The memory of the graphics card is not enough: ${what}.`,
    'Close other programs that use it, choose a smaller model or a bounded plan, or use --backend cpu.',
    { cause },
  );
}

/** Few with a decimal. */
export function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
}
