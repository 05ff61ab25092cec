import { cpus } from 'node:os';
import { AppError } from '../../shared/errors.ts';
import {
  attentionVectorErrors,
  compilePlan,
  cpuAttentionSpeed,
  cpuPeak,
  geometryOf,
  loadPlan,
  readHyperparameters,
} from '../engine/index.ts';
import type { AttentionSpeed, MachinePeak, PlanGeometry } from '../engine/index.ts';
import { openGguf } from '../formats/index.ts';
import { rounded } from './statistics.ts';
import type { BenchFigures, BenchRequest, BenchResult } from './types.ts';

/** Enough that the tables of a chunk, made once for all layers, weigh about as little as in a model. */
const PREFILL_LAYERS = 6;

/** Threads of the second measurement of each kind. */
const SHARED = 2;

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
  const at = (rows: number, threads: number): Promise<AttentionSpeed> =>
    cpuAttentionSpeed(compiled, {
      position,
      rows,
      calls: rows === 1 ? 4 * calls : Math.max(1, Math.round((50 * calls) / rows)),
      threads,
      layers: rows === 1 ? layers : Math.min(layers, PREFILL_LAYERS),
    });
  const peaks = [await cpuPeak(1), await cpuPeak(SHARED)] as const;
  const chunks = [await at(512, 1), await at(128, 1)] as const;
  const shared = await at(512, SHARED);
  const decode = [await at(1, 1), await at(1, SHARED)] as const;
  const prefillMs = chunks[0].msPerLayer;
  return {
    ...figures(request, plan.name, position),
    // of attention alone, in all layers
    tokensPerSecond: rounded((chunks[0].rows * 1000) / (prefillMs * layers)),
    simd: peaks[0].simd,
    keys: chunks[0].keys,
    peakGflops: rounded(peaks[0].operationsPerSecond / 1e9),
    memoryGigabytesPerSecond: peaks.map(({ bytesPerSecond }) => rounded(bytesPerSecond / 1e9)),
    prefill: chunks.map((speed) => prefillFigures(speed, peaks[0])),
    prefillTwoThreads: rounded(chunks[0].clockMsPerLayer / shared.clockMsPerLayer, 3),
    decode: decodeFigures(decode[0], peaks[0]),
    decodeTwoThreads: decodeFigures(decode[1], peaks[1]),
  };
}

function prefillFigures(speed: AttentionSpeed, peak: MachinePeak): object {
  const ms = speed.msPerLayer;
  const perSecond = (speed.operations / ms) * 1000;
  return {
    rows: speed.rows,
    msPerLayer: rounded(ms, 3),
    gflops: rounded(perSecond / 1e9),
    shareOfPeak: peak.operationsPerSecond === 0 ? null : rounded(perSecond / peak.operationsPerSecond, 3),
  };
}

function decodeFigures(speed: AttentionSpeed, peak: MachinePeak): object {
  const ms = speed.msPerLayer;
  const perSecond = (speed.bytesPerQuery / ms) * 1000;
  return {
    msPerLayer: rounded(ms, 4),
    gflops: rounded(speed.operations / ms / 1e6),
    gigabytesPerSecond: rounded(perSecond / 1e9),
    shareOfMemory: rounded(perSecond / peak.bytesPerSecond, 3),
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
