import type { Device } from './device.ts';

export interface CacheKernels {
  readonly attention: GPUComputePipeline;
  readonly cacheWrite: GPUComputePipeline;
  readonly keyTurns: GPUComputePipeline;
}

/** What the caches of a runtime share. */
export interface CacheContext {
  readonly device: Device;
  readonly kernels: CacheKernels;
  readonly layers: number;
  readonly maxRows: number;
  readonly frequencies: Float64Array;
  /** f32 [maxRows][q | k | v] of the layer that is being computed */
  readonly qkv: GPUBuffer;
  readonly qkvStride: number;
  /** f32 [maxRows][attentionStride]: the attention kernel's output */
  readonly attention: GPUBuffer;
  readonly attentionStride: number;
}
