/** The buffers between the kernels: one set per runtime, because a chunk is one submission after another. */
import { architectures } from '../architectures.ts';
import type { Hyperparameters } from '../runtime.ts';
import type { Device } from './device.ts';
import { padded } from './packing.ts';

const floatBytes = Float32Array.BYTES_PER_ELEMENT;

/** f32 unless said otherwise; rows that a product reads are padded with zeros to whole blocks. */
export interface Activations {
  /** u32 [maxRows] */
  readonly ids: GPUBuffer;
  /** the residual stream */
  readonly x: GPUBuffer;
  /** [maxRows][q | k | v], unrotated */
  readonly qkv: GPUBuffer;
  readonly qkvStride: number;
  /** [maxRows][heads * headDim] */
  readonly attention: GPUBuffer;
  readonly attentionStride: number;
  /** partial sums of attention, of as many rows at once as there is room for */
  readonly partials: GPUBuffer;
  /** [maxRows] 1 / root mean square, where many rows are normed */
  readonly inverseRms: GPUBuffer;
  /** [maxRows][gate | up] */
  readonly hidden: GPUBuffer;
  /** what attention or feed-forward gives, where it is normed before it is added; else null */
  readonly branch: GPUBuffer | null;
  /** [logitRows][vocabulary] */
  readonly logits: GPUBuffer;
  /** struct Step of matmul.wgsl and embedding.wgsl: of the layers, and of the head */
  readonly step: GPUBuffer;
  readonly headStep: GPUBuffer;
}

/** Rows of logits that are computed at once. */
export const logitRows = 64;

/** Units of 128 keys that a row of an ordinary plan sees, with those cut off at the edges of rings. */
const usualUnits = 64;
const mostPartialBytes = 2 ** 27;

/** For a whole chunk under an ordinary plan, where that is not too much. */
function partialBytes({ heads, headDim }: Hyperparameters, maxRows: number, largestBinding: number): number {
  const wanted = maxRows * heads * usualUnits * (headDim + 4) * floatBytes;
  return Math.min(wanted, mostPartialBytes, largestBinding);
}

function hasPostNorms({ architecture }: Hyperparameters): boolean {
  return architectures[architecture].postNorms;
}

/** What `createActivations` takes, in bytes. */
export function activationBytes(h: Hyperparameters, maxRows: number, largestBinding: number): number {
  const qkv = (h.heads + 2 * h.kvHeads) * h.headDim;
  const streams = (hasPostNorms(h) ? 2 : 1) * padded(h.embedding);
  const row = streams + qkv + padded(h.heads * h.headDim) + 2 * padded(h.feedForward);
  return floatBytes * (maxRows * row + logitRows * h.vocabulary) + partialBytes(h, maxRows, largestBinding);
}

export function createActivations(device: Device, h: Hyperparameters, maxRows: number): Activations {
  const rows = (numbers: number, what: string): GPUBuffer =>
    device.storage(maxRows * numbers * floatBytes, what);
  const qkvStride = (h.heads + 2 * h.kvHeads) * h.headDim;
  const attentionStride = padded(h.heads * h.headDim);
  return {
    ids: rows(1, 'Token ids'),
    x: rows(padded(h.embedding), 'The residual stream'),
    qkv: rows(qkvStride, 'Queries, keys and values'),
    qkvStride,
    attention: rows(attentionStride, "The attention's output"),
    attentionStride,
    partials: device.storage(partialBytes(h, maxRows, device.largestBinding), 'Partial sums of attention'),
    inverseRms: rows(1, 'Root mean squares'),
    hidden: rows(2 * padded(h.feedForward), 'The feed-forward layer'),
    branch: hasPostNorms(h) ? rows(padded(h.embedding), 'A branch') : null,
    logits: device.storage(logitRows * h.vocabulary * floatBytes, 'Logits'),
    step: device.uniform(new Uint32Array(2)),
    headStep: device.uniform(new Uint32Array(2)),
  };
}
