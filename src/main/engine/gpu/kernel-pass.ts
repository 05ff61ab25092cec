/** What kernels are encoded into: a compute pass, or one that takes the time of each of them. */

/** What a dispatch has to do at least: arithmetic, and bytes of memory that it must read or write. */
export interface KernelWork {
  readonly flops: number;
  readonly bytes: number;
}

export interface KernelPass {
  setPipeline(pipeline: GPUComputePipeline): void;
  setBindGroup(index: number, group: GPUBindGroup | null): void;
  dispatchWorkgroups(x: number, y?: number, z?: number): void;
  /** told before a dispatch, where somebody counts */
  note?(work: () => KernelWork): void;
}

/** Counts without a device: dispatches, and what they have to do. */
export class CountingPass implements KernelPass {
  dispatches = 0;
  flops = 0;
  bytes = 0;

  setPipeline(): void {
    // a count needs no pipeline
  }

  setBindGroup(): void {
    // nor buffers
  }

  dispatchWorkgroups(): void {
    this.dispatches++;
  }

  note(work: () => KernelWork): void {
    const { flops, bytes } = work();
    this.flops += flops;
    this.bytes += bytes;
  }
}
