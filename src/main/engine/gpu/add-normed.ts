/** x += norm(branch): models that norm what attention and feed-forward give before they add it. */
import type { Device } from './device.ts';
import type { KernelPass } from './kernel-pass.ts';
import type { Kernels } from './kernels/index.ts';
import { blocksOf, padded } from './packing.ts';

export interface AddNormedBuffers {
  /** f32 [rows][columns], padded with zeros; x likewise */
  readonly branch: GPUBuffer;
  readonly x: GPUBuffer;
  /** f32 [columns] */
  readonly gain: GPUBuffer;
  readonly columns: number;
  readonly epsilon: number;
}

export class AddNormed {
  readonly dispatches = 1;
  readonly #pipeline: GPUComputePipeline;
  readonly #group: GPUBindGroup;

  private constructor(pipeline: GPUComputePipeline, group: GPUBindGroup) {
    this.#pipeline = pipeline;
    this.#group = group;
  }

  static async create(device: Device, kernels: Kernels, buffers: AddNormedBuffers): Promise<AddNormed> {
    const { branch, x, gain, columns, epsilon } = buffers;
    const pipeline = await kernels.addNormed();
    // struct Shape of product.wgsl
    const words = new Uint32Array(7);
    words.set([blocksOf(columns), columns, 0, 0, padded(columns)]);
    new Float32Array(words.buffer)[5] = epsilon;
    const group = device.bindGroup(pipeline, { 1: device.uniform(words), 2: branch, 3: gain, 6: x });
    return new AddNormed(pipeline, group);
  }

  encode(pass: KernelPass, rows: number): void {
    pass.setPipeline(this.#pipeline);
    pass.setBindGroup(0, this.#group);
    pass.dispatchWorkgroups(rows);
  }
}
