/**
 * Decoding with the tokens kept on the device: each submission samples from the logits of the one before and runs the
 * model on the result. A few are in flight, so that the device never waits for this process; what comes back is one
 * record of 16 bytes a token. What was speculated past a stop is never committed: it stands in slots that nothing
 * committed can see, because rings have room for a whole chunk beyond that (`ringCapacity`).
 */
import { AppError } from '../../../shared/errors.ts';
import type { DeviceGeneration, GeneratedOnDevice } from '../runtime.ts';
import type { Device } from './device.ts';
import type { DeviceSampler } from './device-sampler.ts';
import { recordBytes } from './device-sampler.ts';
import type { GpuCache } from './gpu-cache.ts';
import type { GpuModel } from './gpu-model.ts';
import { wholeRound } from './sharding/stretch.ts';

/** Tokens in flight. */
const DEPTH = 3;
/** Logits that are kept: of the last committed token and of all that may be in flight. */
const KEPT = DEPTH + 2;
const MAP_READ = 1;

interface TokenRecord {
  readonly id: number;
  readonly logProbability: number;
  readonly broken: boolean;
  readonly reach: GpuCache['reach'];
}

/** Buffers of all generations of a runtime: they follow one another. */
export class Generator {
  readonly #device: Device;
  readonly #model: GpuModel;
  readonly #vocabulary: number;
  readonly #kept: GPUBuffer;
  readonly #staging: readonly GPUBuffer[];

  constructor(device: Device, model: GpuModel, vocabulary: number) {
    this.#device = device;
    this.#model = model;
    this.#vocabulary = vocabulary;
    this.#kept = device.storage(KEPT * vocabulary * 4, 'Logits');
    this.#staging = Array.from({ length: DEPTH }, () => device.readable(recordBytes));
  }

  /** The cache is lent to this call. See `Runtime.generate`. */
  async run(cache: GpuCache, sampler: DeviceSampler, request: DeviceGeneration): Promise<GeneratedOnDevice> {
    const { sampling, stop, signal } = request;
    sampler.begin(sampling, request.context);
    this.#start(request.logits);
    const inFlight: Promise<TokenRecord>[] = [];
    let submitted = 0;
    let committed = 0;
    let reason: GeneratedOnDevice['reason'] = 'length';
    while (committed < sampling.maxTokens) {
      if (signal?.aborted === true) {
        reason = 'aborted';
        break;
      }
      while (inFlight.length < DEPTH && submitted < sampling.maxTokens) {
        const token = this.#submit(cache, sampler, submitted++, inFlight.length);
        token.catch(() => undefined); // a lost device fails all of them: the first one says so
        inFlight.push(token);
      }
      const record = await inFlight.shift();
      if (record === undefined) break;
      if (record.broken) {
        await Promise.allSettled(inFlight);
        throw new AppError(
          'internal',
          'The model gave logits that are not numbers.',
          'Verify the model file.',
        );
      }
      if (stop.includes(record.id)) {
        reason = 'stop';
        break;
      }
      cache.commit(1, record.reach);
      committed++;
      request.onToken({ id: record.id, logProbability: record.logProbability });
    }
    await Promise.all(inFlight);
    return { reason, logits: await this.#keptLogits(committed) };
  }

  #start(logits: Float32Array): void {
    const { queue } = this.#device.gpu;
    const bytes = new Float32Array(logits);
    queue.writeBuffer(this.#model.buffers.logits, 0, bytes);
    queue.writeBuffer(this.#kept, 0, bytes);
    this.#model.uploadStep(1, 1);
  }

  /** @param ahead tokens before this one that are not committed yet */
  async #submit(cache: GpuCache, sampler: DeviceSampler, n: number, ahead: number): Promise<TokenRecord> {
    const { gpu } = this.#device;
    const checkErrors = this.#device.collectErrors(() => cache.need);
    const chunk = cache.prepare(wholeRound(1), ahead);
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    sampler.encode(pass);
    this.#model.encodeForward(pass, cache, chunk, 1);
    pass.end();
    const rowBytes = this.#vocabulary * 4;
    const staging = this.#staging[n % DEPTH];
    const place = ((n + 1) % KEPT) * rowBytes;
    encoder.copyBufferToBuffer(this.#model.buffers.logits, 0, this.#kept, place, rowBytes);
    encoder.copyBufferToBuffer(sampler.record, 0, staging, 0, recordBytes);
    sampler.upload();
    cache.upload(chunk);
    gpu.queue.submit([encoder.finish()]);
    const errors = checkErrors();
    errors.catch(() => undefined); // awaited below, when the record has come or failed
    try {
      await staging.mapAsync(MAP_READ);
    } catch (error) {
      await errors;
      this.#device.checkAlive();
      throw error;
    }
    await errors;
    this.#device.checkAlive();
    const bytes = staging.getMappedRange().slice(0);
    staging.unmap();
    const [id, , broken] = new Uint32Array(bytes);
    return { id, logProbability: new Float32Array(bytes)[1], broken: broken !== 0, reach: chunk.reach };
  }

  async #keptLogits(committed: number): Promise<Float32Array> {
    const rowBytes = this.#vocabulary * 4;
    const offset = (committed % KEPT) * rowBytes;
    const bytes = await this.#device.read([{ buffer: this.#kept, offset, bytes: rowBytes }]);
    return new Float32Array(bytes.buffer);
  }
}
