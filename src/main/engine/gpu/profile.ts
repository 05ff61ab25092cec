/**
 * Times of kernels, by timestamps around each dispatch: every kernel gets a pass of its own, so gaps between kernels
 * are not in it and the whole is slower than without.
 */
import { AppError } from '../../../shared/errors.ts';
import type { Device } from './device.ts';
import type { KernelPass, KernelWork } from './kernel-pass.ts';

export interface KernelTime {
  readonly kernel: string;
  readonly dispatches: number;
  readonly ms: number;
  /** of what the kernel must do at least */
  readonly gflops: number;
  readonly gigabytesPerSecond: number;
}

interface Timed {
  readonly kernel: string;
  readonly work: KernelWork;
}

const mostTimed = 2048;
const nothing: KernelWork = { flops: 0, bytes: 0 };

export class ProfilingPass implements KernelPass {
  readonly #device: Device;
  readonly #encoder: GPUCommandEncoder;
  readonly #queries: GPUQuerySet;
  readonly #timed: Timed[] = [];
  readonly #groups = new Map<number, GPUBindGroup | null>();
  #pipeline: GPUComputePipeline | null = null;
  #work = nothing;

  /** @throws AppError 'unsupported' where the adapter has no timestamps */
  constructor(device: Device, encoder: GPUCommandEncoder) {
    if (!device.gpu.features.has('timestamp-query')) {
      throw new AppError('unsupported', `The adapter ${device.name} takes no times of kernels.`);
    }
    this.#device = device;
    this.#encoder = encoder;
    this.#queries = device.gpu.createQuerySet({ type: 'timestamp', count: 2 * mostTimed });
  }

  setPipeline(pipeline: GPUComputePipeline): void {
    this.#pipeline = pipeline;
    this.#groups.clear();
  }

  setBindGroup(index: number, group: GPUBindGroup | null): void {
    this.#groups.set(index, group);
  }

  note(work: () => KernelWork): void {
    this.#work = work();
  }

  dispatchWorkgroups(x: number, y = 1, z = 1): void {
    const n = this.#timed.length;
    if (this.#pipeline === null || n >= mostTimed) return;
    const pass = this.#encoder.beginComputePass({
      timestampWrites: {
        querySet: this.#queries,
        beginningOfPassWriteIndex: 2 * n,
        endOfPassWriteIndex: 2 * n + 1,
      },
    });
    pass.setPipeline(this.#pipeline);
    for (const [index, group] of this.#groups) pass.setBindGroup(index, group);
    pass.dispatchWorkgroups(x, y, z);
    pass.end();
    this.#timed.push({ kernel: shortLabel(this.#pipeline.label), work: this.#work });
    this.#work = nothing;
  }

  /** Ends the encoding, runs it, and adds up by kernel, the longest first. */
  async times(): Promise<readonly KernelTime[]> {
    const bytes = this.#timed.length * 16;
    const buffer = this.#device.queryResults(bytes);
    this.#encoder.resolveQuerySet(this.#queries, 0, 2 * this.#timed.length, buffer, 0);
    this.#device.gpu.queue.submit([this.#encoder.finish()]);
    const read = await this.#device.read([{ buffer, offset: 0, bytes }]);
    buffer.destroy();
    this.#queries.destroy();
    return addedUp(this.#timed, new BigUint64Array(read.buffer));
  }
}

function addedUp(timed: readonly Timed[], stamps: BigUint64Array): readonly KernelTime[] {
  const sums = new Map<string, { dispatches: number; ns: number; flops: number; bytes: number }>();
  for (const [n, { kernel, work }] of timed.entries()) {
    const sum = sums.get(kernel) ?? { dispatches: 0, ns: 0, flops: 0, bytes: 0 };
    sum.dispatches++;
    sum.ns += Number(stamps[2 * n + 1] - stamps[2 * n]);
    sum.flops += work.flops;
    sum.bytes += work.bytes;
    sums.set(kernel, sum);
  }
  return [...sums]
    .map(([kernel, { dispatches, ns, flops, bytes }]) => ({
      ...{ kernel, dispatches, ms: ns / 1e6 },
      ...{ gflops: ns > 0 ? flops / ns : 0, gigabytesPerSecond: ns > 0 ? bytes / ns : 0 },
    }))
    .sort((a, b) => b.ms - a.ms);
}

/** A pipeline's label is its constants and files; the kernel is the files. */
function shortLabel(label: string): string {
  return label.split('\n').at(-1) ?? label;
}
