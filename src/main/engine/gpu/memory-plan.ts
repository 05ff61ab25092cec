/** What a model takes on the device, found before anything is loaded. */
import type { GgufFile } from '../../formats/index.ts';
import { AppError } from '../../../shared/errors.ts';
import { geometryOf } from '../hyperparameters.ts';
import { modelSources } from '../model-tensors.ts';
import { compileKinds } from '../plan/layer-kinds.ts';
import { preset } from '../plan/presets.ts';
import { ringCapacity } from '../plan/visibility.ts';
import type { Hyperparameters } from '../runtime.ts';
import { activationBytes } from './activations.ts';
import { megabytes } from './device.ts';
import type { KvBits } from './kernels/index.ts';
import { kvEntryBytes } from './kv-words.ts';
import { weightType } from './matrix-reader.ts';
import { packedRowBytes } from './packing.ts';

/** Bytes. */
export interface MemoryPlan {
  readonly weights: number;
  /** keys and values of one conversation under the plan `window`, at any length */
  readonly state: number;
  /** what the kernels hand to each other */
  readonly scratch: number;
}

export interface MemoryOptions {
  readonly kvBits: KvBits;
  readonly maxRows: number;
  /** tokens that rings have room for beyond what is seen */
  readonly roundRows: number;
  readonly largestBinding: number;
}

/** @throws AppError as `modelSources` */
export function planMemory(
  gguf: Pick<GgufFile, 'tensors'>,
  h: Hyperparameters,
  { kvBits, maxRows, roundRows, largestBinding }: MemoryOptions,
): MemoryPlan {
  return {
    weights: weightBytes(gguf, h),
    state: stateBytes(h, kvBits, roundRows),
    scratch: activationBytes(h, maxRows, largestBinding),
  };
}

/** @throws AppError 'unsupported' with the numbers, when the plan takes more than there is */
export function requireRoom(plan: MemoryPlan, available: number): void {
  const { weights, state, scratch } = plan;
  const needed = weights + state + scratch;
  if (needed <= available) return;
  throw new AppError(
    'unsupported',
    `The model takes ${megabytes(needed)} MB on the graphics card, and ${megabytes(available)} MB are free: ` +
      `weights ${megabytes(weights)} MB, keys and values of a conversation ${megabytes(state)} MB, ` +
      `${megabytes(scratch)} MB to work with.`,
    'Close other programs that use it, choose a smaller model or quantisation, LONGLEAF_GPU_KV=8, or --backend cpu.',
  );
}

/** The planes of all matrices, tied ones once, and the norms. */
function weightBytes(gguf: Pick<GgufFile, 'tensors'>, h: Hyperparameters): number {
  const { embedding, output, layers } = modelSources(gguf, h);
  const isTied = output.tensor === embedding.tensor;
  const matrices = [
    embedding,
    ...(isTied ? [] : [output]),
    ...layers.flatMap((each) => [each.q, each.k, each.v, each.output, each.gate, each.up, each.down]),
  ];
  return matrices.reduce(
    (sum, source) => sum + source.rows * packedRowBytes(weightType(source), source.columns),
    0,
  );
}

function stateBytes(h: Hyperparameters, bits: KvBits, roundRows: number): number {
  const geometry = geometryOf(h);
  const kinds = compileKinds(preset('window', geometry), geometry, h.attentionKinds);
  const entry = kvEntryBytes({ headDim: h.headDim, bits });
  return kinds.reduce((sum, { rings }, kind) => {
    const slots = rings.reduce((total, ring) => total + ringCapacity(ring, roundRows), 0);
    return sum + slots * entry * h.layerKinds.filter((each) => each === kind).length;
  }, 0);
}
