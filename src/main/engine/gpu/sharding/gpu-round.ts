/**
 * One device's part in a round of tokens. It computes its stretch; after each layer's keys and values it gives those of
 * its own tokens away and takes those of the other devices, packed and unrotated as they lie in the rings, before it
 * attends: layers + 1 submissions. The rotations of all keys of the round are every device's own.
 */
import { AppError } from '../../../../shared/errors.ts';
import type { Device } from '../device.ts';
import type { GpuCache, PreparedChunk } from '../gpu-cache.ts';
import type { GpuModel } from '../gpu-model.ts';
import type { KernelPass } from '../kernel-pass.ts';
import type { Stretch } from './stretch.ts';
import { stretchesOf } from './stretch.ts';

const MAP_READ = 1;

/** Entries of a layer's rings, as they lie there. */
export type Bytes = Uint8Array<ArrayBuffer>;

export interface RoundRequest {
  /** of this device's stretch */
  readonly ids: Int32Array;
  /** tokens of the round */
  readonly total: number;
  readonly devices: number;
  /** which of the devices this one is, from 0 */
  readonly own: number;
  /** tokens of earlier rounds that are not committed yet */
  readonly ahead: number;
}

/** What rounds of a runtime share: they follow one another. */
export interface RoundContext {
  readonly device: Device;
  readonly model: GpuModel;
  readonly staging: Staging;
  /** of rows of the stretch that was computed last: f32 [count][vocabulary] */
  readonly logits: (firstRow: number, count: number) => Promise<Float32Array>;
}

/** Memory that keys and values are copied to, for this process to read. */
export class Staging {
  readonly #device: Device;
  #buffer: GPUBuffer | null = null;

  constructor(device: Device) {
    this.#device = device;
  }

  atLeast(bytes: number): GPUBuffer {
    if (this.#buffer !== null && this.#buffer.size >= bytes) return this.#buffer;
    this.#buffer?.destroy();
    this.#buffer = this.#device.readable(bytes);
    return this.#buffer;
  }
}

export class GpuRound {
  readonly #context: RoundContext;
  readonly #cache: GpuCache;
  readonly #request: RoundRequest;
  readonly #own: Stretch;
  readonly #others: readonly Stretch[];
  #chunk: PreparedChunk | null = null;
  /** whose attention comes next */
  #layer = 0;

  /** @param cache lent to this round */
  constructor(context: RoundContext, cache: GpuCache, request: RoundRequest) {
    const { total, devices, own, ids } = request;
    const stretches = stretchesOf(total, devices);
    if (stretches[own].rows !== ids.length)
      throw new AppError('internal', `A stretch of ${String(stretches[own].rows)} tokens was given others.`);
    this.#context = context;
    this.#cache = cache;
    this.#request = request;
    this.#own = stretches[own];
    this.#others = stretches.filter((_, device) => device !== own);
  }

  /** Of the round's last token. */
  get reach(): GpuCache['reach'] {
    return this.#prepared.reach;
  }

  /** @returns the entries that the first layer's rings take from this stretch */
  async begin(): Promise<Bytes> {
    const { model } = this.#context;
    return this.#submit(() => {
      const chunk = this.#cache.prepare(this.#own, this.#request.ahead);
      this.#chunk = chunk;
      return {
        encode: (pass) => {
          model.encodeEntry(pass, this.#cache, chunk);
        },
        upload: () => {
          model.upload(this.#request.ids, 0);
          this.#cache.upload(chunk);
        },
        gives: 0,
      };
    });
  }

  /**
   * Goes on from a layer's attention to the next layer's keys and values.
   * @param others the entries of the other devices, in their order
   * @returns those of the next layer from this stretch
   */
  async next(others: readonly Bytes[]): Promise<Bytes> {
    const layer = this.#take(others);
    return this.#submit(() => ({
      encode: (pass) => {
        this.#context.model.encodeLayer(pass, this.#cache, layer, this.#prepared);
      },
      gives: layer + 1,
    }));
  }

  /** The last layer. @returns logits of the last `wanted` rows of the stretch: f32 [wanted][vocabulary] */
  async end(others: readonly Bytes[], wanted: number): Promise<Float32Array> {
    const layer = this.#take(others);
    await this.#submit(() => ({
      encode: (pass) => {
        this.#context.model.encodeLayer(pass, this.#cache, layer, this.#prepared);
      },
      gives: null,
    }));
    return this.#context.logits(this.#own.rows - wanted, wanted);
  }

  get #prepared(): PreparedChunk {
    if (this.#chunk !== null) return this.#chunk;
    throw new AppError('internal', 'A round goes on before it has begun.');
  }

  /** Into the rings of the layer whose attention comes next. @returns that layer */
  #take(others: readonly Bytes[]): number {
    const { queue } = this.#context.device.gpu;
    const layer = this.#layer++;
    for (const [index, stretch] of this.#others.entries()) {
      const bytes = others[index];
      let at = 0;
      for (const piece of this.#cache.stretchPieces(layer, stretch, this.#request.ahead)) {
        queue.writeBuffer(piece.buffer, piece.offset, bytes, at, piece.bytes);
        at += piece.bytes;
      }
      if (at !== bytes.length)
        throw new AppError(
          'internal',
          `A device gave ${String(bytes.length)} bytes instead of ${String(at)}.`,
        );
    }
    return layer;
  }

  /** One submission. @returns the entries of the layer that it gives */
  async #submit(
    work: () => {
      readonly encode: (pass: KernelPass) => void;
      /** directly before the submission */
      readonly upload?: () => void;
      readonly gives: number | null;
    },
  ): Promise<Bytes> {
    const { device } = this.#context;
    const checkErrors = device.collectErrors(() => this.#cache.need);
    const { encode, upload, gives } = work();
    const encoder = device.gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    encode(pass);
    pass.end();
    const out = gives === null ? null : this.#copyOut(encoder, gives);
    upload?.();
    device.gpu.queue.submit([encoder.finish()]);
    const errors = checkErrors();
    errors.catch(() => undefined); // awaited below, when the copy has come or failed
    const bytes = out === null ? new Uint8Array(0) : await out(errors);
    await errors;
    device.checkAlive();
    return bytes;
  }

  #copyOut(encoder: GPUCommandEncoder, layer: number): (errors: Promise<void>) => Promise<Bytes> {
    const pieces = this.#cache.stretchPieces(layer, this.#own, this.#request.ahead);
    const size = pieces.reduce((sum, { bytes }) => sum + bytes, 0);
    const staging = this.#context.staging.atLeast(size);
    let at = 0;
    for (const { buffer, offset, bytes } of pieces) {
      encoder.copyBufferToBuffer(buffer, offset, staging, at, bytes);
      at += bytes;
    }
    return async (errors) => {
      try {
        await staging.mapAsync(MAP_READ, 0, size);
      } catch (error) {
        await errors; // a lost device says so
        throw error;
      }
      const bytes = new Uint8Array(staging.getMappedRange(0, size).slice(0));
      staging.unmap();
      return bytes;
    };
  }
}
