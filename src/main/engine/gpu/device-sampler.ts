/**
 * Sampling on the device: the next token's id goes from the logits into the buffer that the embedding reads, without
 * passing through this process. Twin: sampling/sampler.ts.
 */
import type { SamplingParameters } from '../../../shared/model/index.ts';
import { Pcg32 } from '../sampling/index.ts';
import type { Device } from './device.ts';
import type { KernelPass } from './kernel-pass.ts';
import type { Kernels, SamplingPipelines } from './kernels/index.ts';
import { samplingItems, samplingKeep } from './kernels/index.ts';

/** Ids that the repetition penalty may look at. */
const largestWindow = 1024;

/** Bytes of a record: id, log-probability, whether the logits were numbers. */
export const recordBytes = 16;

/** Whether the device can draw by these parameters. What it can't is drawn by the processor, token by token. */
export function canSampleOnDevice({ temperature, topK, repetitionWindow }: SamplingParameters): boolean {
  const isBounded = temperature === 0 || (topK > 0 && topK <= samplingKeep.drawn);
  return isBounded && repetitionWindow <= largestWindow;
}

export interface SamplerBuffers {
  readonly logits: GPUBuffer;
  readonly ids: GPUBuffer;
}

interface Stage {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly workgroups: number;
}

/** For one kind of sampling (greedy or drawn) of one model; `begin` for each answer. */
export class DeviceSampler {
  readonly record: GPUBuffer;
  readonly #device: Device;
  readonly #sampling: GPUBuffer;
  readonly #turn: GPUBuffer;
  readonly #recent: GPUBuffer;
  readonly #stages: readonly Stage[];
  readonly #vocabulary: number;
  readonly #groups: number;
  #parameters: SamplingParameters | null = null;
  #random = new Pcg32(0);
  #seen = 0;

  private constructor(
    device: Device,
    pipelines: SamplingPipelines,
    vocabulary: number,
    { logits, ids }: SamplerBuffers,
    keep: number,
  ) {
    this.#device = device;
    this.#vocabulary = vocabulary;
    this.#groups = Math.ceil(vocabulary / samplingItems);
    const storage = (bytes: number): GPUBuffer => device.storage(bytes, 'Sampling');
    this.record = storage(recordBytes);
    this.#sampling = device.uniform(new Uint32Array(8));
    this.#turn = storage(16);
    this.#recent = storage(largestWindow * 4);
    const statistics = storage(this.#groups * 16);
    let list = storage(this.#groups * keep * 8);
    const first = device.bindGroup(pipelines.candidates, {
      ...{ 0: this.#sampling, 1: this.#turn, 2: logits, 3: this.#recent, 4: list, 5: statistics },
    });
    const stages: Stage[] = [{ pipeline: pipelines.candidates, group: first, workgroups: this.#groups }];
    for (let lists = this.#groups; lists > 1;) {
      const count = lists * keep;
      lists = Math.ceil(count / samplingItems);
      const next = storage(lists * keep * 8);
      const group = device.bindGroup(pipelines.merge, {
        ...{ 0: device.uniform(Uint32Array.of(count)), 1: list, 2: next },
      });
      stages.push({ pipeline: pipelines.merge, group, workgroups: lists });
      list = next;
    }
    const last = device.bindGroup(pipelines.choose, {
      ...{ 0: this.#sampling, 1: this.#turn, 2: logits, 3: this.#recent, 4: list, 5: statistics },
      ...{ 6: ids, 7: this.record },
    });
    this.#stages = [...stages, { pipeline: pipelines.choose, group: last, workgroups: 1 }];
  }

  static async create(
    device: Device,
    kernels: Kernels,
    vocabulary: number,
    buffers: SamplerBuffers,
    kind: keyof typeof samplingKeep,
  ): Promise<DeviceSampler> {
    const pipelines = await kernels.sampling(kind);
    return new DeviceSampler(device, pipelines, vocabulary, buffers, samplingKeep[kind]);
  }

  get dispatches(): number {
    return this.#stages.length;
  }

  /** @param context ids before the first sample; the penalty looks at the last `repetitionWindow` of them */
  begin(parameters: SamplingParameters, context: ArrayLike<number>): void {
    this.#parameters = parameters;
    this.#random = new Pcg32(parameters.seed);
    const { temperature, topK, topP, minP, repetitionPenalty, repetitionWindow } = parameters;
    const from = Math.max(0, context.length - repetitionWindow);
    const recent = Uint32Array.from({ length: context.length - from }, (_, i) => context[from + i]);
    this.#seen = recent.length;
    const words = new Uint32Array(8);
    const numbers = new Float32Array(words.buffer);
    words.set([this.#vocabulary, topK]);
    numbers.set([topP, minP, temperature, repetitionPenalty], 2);
    words.set([repetitionWindow, this.#groups], 6);
    const { queue } = this.#device.gpu;
    queue.writeBuffer(this.#sampling, 0, words);
    if (recent.length > 0) queue.writeBuffer(this.#recent, 0, recent);
  }

  /** To the device, directly before the submission that samples. */
  upload(): void {
    const { repetitionWindow = 0, temperature = 0 } = this.#parameters ?? {};
    const words = new Uint32Array(4);
    const place = repetitionWindow === 0 ? 0 : this.#seen % repetitionWindow;
    words.set([Math.min(this.#seen, repetitionWindow), place]);
    new Float32Array(words.buffer)[2] = temperature === 0 ? 0 : this.#random.nextUniform();
    this.#seen++;
    this.#device.gpu.queue.writeBuffer(this.#turn, 0, words);
  }

  encode(pass: KernelPass): void {
    for (const { pipeline, group, workgroups } of this.#stages) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(workgroups);
    }
  }
}
