/** Whether a model fits into this machine's memory, and how fast it would be here. */
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { availableMemory } from 'node:process';
import { AppError } from '../../shared/errors.ts';
import type { ModelFit } from '../../shared/rpc/index.ts';
import type { AttentionPlan, Engine, Hyperparameters, StartEngineOptions } from '../engine/index.ts';
import { geometryOf, planOfModel, preset, readHyperparameters } from '../engine/index.ts';
import type { GgufFile } from '../formats/index.ts';
import { openGguf } from '../formats/index.ts';
import type { MachineSpeed } from './machine-speed.ts';

/** MB of 2^20 bytes */
export type MemoryNeed = Pick<ModelFit, 'weightsMB' | 'stateMB' | 'scratchMB' | 'memoryMB'>;

const MB = 2 ** 20;
/**
 * Measured with the default model on the CPU engine (590 MB with 8,192 tokens read, 180 of them keys and values): the
 * runtime takes about 300 MB, weights a quarter more than in the file.
 */
const RUNTIME_MB = 300;
const WEIGHTS_FACTOR = 1.25;
/** tokens that are computed together (engine: maxRows) */
const ROWS = 512;
const BYTES_OF_KEY_AND_VALUE = 2 * 2;
const BYTES_OF_F32 = 4;

/**
 * What an engine for this file takes when the plan that it is used with by default is full: the weights as they are
 * kept in memory, keys and values of the trained length, and what a chunk of rows needs while it is computed.
 */
export function memoryNeed(file: GgufFile, hyperparameters: Hyperparameters): MemoryNeed {
  const { kvHeads, headDim, heads, embedding, feedForward, vocabulary } = hyperparameters;
  const plan = planOfModel(file) ?? preset('window', geometryOf(hyperparameters));
  const keys = keysHeld(plan, hyperparameters.trainedLength);
  const weightsMB = (file.bytes * WEIGHTS_FACTOR) / MB;
  const stateMB = (keys * bytesPerToken(hyperparameters)) / MB;
  const row = 4 * embedding + 3 * feedForward + (heads + 2 * kvHeads) * headDim;
  const scratchMB = RUNTIME_MB + ((ROWS * row + vocabulary) * BYTES_OF_F32) / MB;
  return {
    weightsMB: Math.ceil(weightsMB),
    stateMB: Math.ceil(stateMB),
    scratchMB: Math.ceil(scratchMB),
    memoryMB: Math.ceil(weightsMB + stateMB + scratchMB),
  };
}

/** Keys per layer in the cache: design section 3, fewer than 3 W with bands. */
export function keysHeld(plan: AttentionPlan, tokens: number): number {
  if (plan.window === undefined) return tokens;
  const most = plan.bands === undefined ? Math.max(plan.window, plan.denseUpTo ?? 0) : 3 * plan.window;
  return Math.min(tokens, most);
}

/** Bytes of keys and values of one token in all layers, 16 bit. */
export function bytesPerToken(model: Pick<Hyperparameters, 'layers' | 'kvHeads' | 'headDim'>): number {
  return model.layers * model.kvHeads * model.headDim * BYTES_OF_KEY_AND_VALUE;
}

/** Bytes of weights that each token goes through: all but an embedding of which only a row is read. */
export function weightBytes({ tensors }: Pick<GgufFile, 'tensors'>): number {
  const untied = tensors.has('output.weight');
  let bytes = 0;
  for (const tensor of tensors.values())
    if (!untied || tensor.name !== 'token_embd.weight') bytes += tensor.bytes;
  return bytes;
}

/**
 * Speed in inverse proportion to the weights: reading is bound by the multiplications with them, generating by fetching
 * them. Attention, which is less of the work the larger the model, is left out; what does not shrink with the model is
 * why a smaller one than was measured is only said to be as fast.
 */
export function estimatedSpeed(bytes: number, measured: MachineSpeed): NonNullable<ModelFit['speed']> {
  const ratio = Math.min(1, measured.weightBytes / bytes);
  return {
    prefillTokensPerSecond: measured.prefillTokensPerSecond * ratio,
    decodeTokensPerSecond: measured.decodeTokensPerSecond * ratio,
    measured: measured.weightBytes === bytes,
  };
}

/** MB that the machine has for a model now */
export function freeMemoryMB(): number {
  return availableMemory() / MB;
}

/**
 * @param env LONGLEAF_MEMORY_CHECK=off lets everything through: the need is an estimate
 * @throws AppError 'memory-full' with the numbers
 */
export function assertFits(
  name: string,
  need: MemoryNeed,
  freeMB: number,
  env: NodeJS.ProcessEnv = process.env,
): void {
  if (need.memoryMB <= freeMB || env['LONGLEAF_MEMORY_CHECK'] === 'off') return;
  const count = (value: number): string => Math.round(value).toLocaleString('en-US');
  const { memoryMB, weightsMB, stateMB, scratchMB } = need;
  throw new AppError(
    'memory-full',
    `The model ${name} needs about ${count(memoryMB)} MB of memory (weights ${count(weightsMB)}, keys and values ${count(stateMB)}, working space ${count(scratchMB)}), and ${count(freeMB)} MB are free.`,
    'Close other programs, or choose a smaller model. LONGLEAF_MEMORY_CHECK=off tries it all the same.',
    { details: { neededMB: memoryMB, freeMB: Math.round(freeMB) } },
  );
}

/**
 * An engine's start that is refused before anything is loaded when the model does not fit.
 * @throws AppError 'memory-full' with the numbers, what `openGguf` and `readHyperparameters` say of the file
 */
export function withinMemory(startEngine: Start): Start {
  return async (options) => {
    const freeMB = freeMemoryMB();
    const { size } = await stat(options.modelPath);
    // Nearly always there is plenty, and the start need not wait for the file to be looked at.
    if ((size * PLENTY) / MB + PLENTY_MB > freeMB) await assertFileFits(options.modelPath, freeMB);
    return startEngine(options);
  };
}

type Start = (options: StartEngineOptions) => Promise<Engine>;

/** More than any model needs in proportion to its file: keys and values of 8,192 tokens without grouped heads included. */
const PLENTY = 3;
const PLENTY_MB = 1024;

async function assertFileFits(path: string, freeMB: number): Promise<void> {
  const file = await openGguf(path);
  try {
    assertFits(basename(path), memoryNeed(file, await readHyperparameters(file)), freeMB);
  } finally {
    await file.close();
  }
}
