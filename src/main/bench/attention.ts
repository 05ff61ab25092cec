import { cpus } from 'node:os';
import { AppError } from '../../shared/errors.ts';
import {
  attentionVectorErrors,
  compilePlan,
  cpuAttentionSpeed,
  geometryOf,
  loadPlan,
  readHyperparameters,
} from '../engine/index.ts';
import type { PlanGeometry } from '../engine/index.ts';
import { openGguf } from '../formats/index.ts';
import { median, rounded } from './statistics.ts';
import type { BenchFigures, BenchRequest, BenchResult } from './types.ts';

/** The kernel against recorded vectors (`--vectors`), or its speed at a position of the plan. */
export async function benchAttention(request: BenchRequest): Promise<BenchResult> {
  return request.vectors === undefined ? benchSpeed(request) : benchVectors(request, request.vectors);
}

async function benchVectors(request: BenchRequest, directory: string): Promise<BenchResult> {
  if (request.backend === 'webgpu')
    throw new AppError(
      'unsupported',
      'The recorded vectors are compared with the reference and cpu backends only.',
      'Use --backend cpu.',
    );
  const { errors, skipped } = await attentionVectorErrors(request.backend, directory);
  const largest = errors.flatMap((one) => [one.maxAbsError, one.maxAbsErrorPaper]);
  return {
    ...figures(request, 'longnet', 0),
    tokensPerSecond: null,
    cases: errors,
    skipped,
    maxAbsError: Math.max(0, ...largest),
  };
}

async function benchSpeed(request: BenchRequest): Promise<BenchResult> {
  if (request.backend !== 'cpu')
    throw new AppError(
      'unsupported',
      'Only the cpu backend has attention kernels to time.',
      'Use --backend cpu.',
    );
  const { geometry, layers } = await geometryOfModel(request.model.path);
  const plan = loadPlan(request.plan ?? 'adapted', geometry);
  const compiled = compilePlan(plan, geometry);
  const position = request.context ?? 16 * 1024;
  const calls = request.repeat ?? 20;
  const prefill = await cpuAttentionSpeed(compiled, { position, rows: 512, calls });
  const decode = await cpuAttentionSpeed(compiled, { position, rows: 1, calls: 10 * calls });
  const prefillMs = median(prefill.ms);
  const decodeMs = median(decode.ms);
  return {
    ...figures(request, plan.name, position),
    // of attention alone, in all layers
    tokensPerSecond: rounded((prefill.rows * 1000) / (prefillMs * layers)),
    simd: prefill.simd,
    keys: prefill.keys,
    prefill: {
      rows: prefill.rows,
      msPerLayer: rounded(prefillMs, 3),
      gflops: rounded(prefill.operations / prefillMs / 1e6),
    },
    decode: {
      msPerLayer: rounded(decodeMs, 4),
      gflops: rounded(decode.operations / decodeMs / 1e6),
      gigabytesPerSecond: rounded(decode.bytesPerQuery / decodeMs / 1e6),
    },
  };
}

async function geometryOfModel(path: string): Promise<{ geometry: PlanGeometry; layers: number }> {
  const file = await openGguf(path);
  try {
    const hyperparameters = await readHyperparameters(file);
    return { geometry: geometryOf(hyperparameters), layers: hyperparameters.layers };
  } finally {
    await file.close();
  }
}

/** This bench runs in the process that was asked for it. */
function figures(
  request: BenchRequest,
  plan: string,
  contextTokens: number,
): Omit<BenchFigures, 'tokensPerSecond'> {
  return {
    name: 'attention',
    backend: request.backend,
    device: cpus()[0]?.model ?? process.arch,
    threads: 1,
    model: request.model.id,
    plan,
    contextTokens,
    peakMemoryMB: rounded(process.resourceUsage().maxRSS / 1000),
  };
}
