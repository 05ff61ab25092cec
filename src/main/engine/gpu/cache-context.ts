import type { AttentionBlocks } from './attention-blocks.ts';
import type { Device } from './device.ts';
import type { AttentionPipelines, KvBits } from './kernels/index.ts';
import type { TurnTables } from './turn-tables.ts';

/** What is the same in the layers of one kind. */
export interface KindContext {
  readonly turnTables: TurnTables;
  /** rows that attend at once are not the same for all kinds of a submission */
  readonly blocks: AttentionBlocks;
}

/** What the caches of a runtime share. */
export interface CacheContext {
  readonly device: Device;
  readonly kernels: AttentionPipelines;
  readonly kvBits: KvBits;
  readonly kinds: readonly KindContext[];
  /** index into `kinds` of each layer */
  readonly layerKinds: readonly number[];
  readonly maxRows: number;
  /** rows of the largest round: rings have room for so many tokens beyond what is seen */
  readonly roundRows: number;
  /** f32 [headDim], or null: `queryScales` of rope.ts */
  readonly queryScales: Float32Array | null;
  /** c of score = c tanh(score / c), or null */
  readonly softCap: number | null;
  /** f32 [q | k][headDim] of each layer, or null: its queries and keys are not normed */
  readonly headGains: readonly (GPUBuffer | null)[];
  readonly rmsEpsilon: number;
  /** struct Step of heads-normed.wgsl */
  readonly step: GPUBuffer;
  /** f32 [maxRows][q | k | v] of the layer that is being computed */
  readonly qkv: GPUBuffer;
  readonly qkvStride: number;
  /** f32 [maxRows][attentionStride]: the attention kernel's output */
  readonly attention: GPUBuffer;
  readonly attentionStride: number;
  /** partial sums of attention: see attention.wgsl */
  readonly partials: GPUBuffer;
}
