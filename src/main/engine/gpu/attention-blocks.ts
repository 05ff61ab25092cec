/** Rows of a chunk that attend together (struct Block of attention.wgsl), with a bind group for each kernel. */
import type { Device } from './device.ts';
import type { AttentionPipelines } from './kernels/index.ts';

export interface RowBlock {
  readonly firstRow: number;
  readonly rows: number;
}

interface BlockBindings {
  readonly buffer: GPUBuffer;
  readonly decode: GPUBindGroup;
  readonly prefill: GPUBindGroup | null;
  readonly merge: GPUBindGroup;
}

export class AttentionBlocks {
  readonly #device: Device;
  readonly #kernels: AttentionPipelines;
  readonly #bindings: BlockBindings[] = [];

  constructor(device: Device, kernels: AttentionPipelines) {
    this.#device = device;
    this.#kernels = kernels;
  }

  bindings(index: number): BlockBindings {
    while (this.#bindings.length <= index) this.#bindings.push(this.#create());
    return this.#bindings[index];
  }

  /** To the device, directly before the submission that needs them. */
  upload(blocks: readonly RowBlock[]): void {
    for (const [index, { firstRow, rows }] of blocks.entries()) {
      const { buffer } = this.bindings(index);
      this.#device.gpu.queue.writeBuffer(buffer, 0, Uint32Array.of(firstRow, rows));
    }
  }

  #create(): BlockBindings {
    const { decode, prefill, merge } = this.#kernels;
    const buffer = this.#device.uniform(new Uint32Array(2));
    const group = (pipeline: GPUComputePipeline): GPUBindGroup =>
      this.#device.bindGroup(pipeline, { 0: buffer }, 1);
    return { buffer, decode: group(decode), prefill: prefill && group(prefill), merge: group(merge) };
  }
}
