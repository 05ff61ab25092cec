import type { AttentionBlocks } from './attention-blocks.ts';
import type { Device } from './device.ts';
import type { AttentionPipelines, KvBits } from './kernels/index.ts';
import type { TurnTables } from './turn-tables.ts';

/** What the caches of a runtime share. */
export interface CacheContext {
  readonly device: Device;
  readonly kernels: AttentionPipelines;
  readonly kvBits: KvBits;
  readonly layers: number;
  readonly maxRows: number;
  readonly turnTables: TurnTables;
  /** f32 [maxRows][q | k | v] of the layer that is being computed */
  readonly qkv: GPUBuffer;
  readonly qkvStride: number;
  /** f32 [maxRows][attentionStride]: the attention kernel's output */
  readonly attention: GPUBuffer;
  readonly attentionStride: number;
  /** partial sums of attention: see attention.wgsl */
  readonly partials: GPUBuffer;
  readonly blocks: AttentionBlocks;
}
