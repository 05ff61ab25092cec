import { AppError } from '../../shared/errors.ts';
import { countGpuWork, geometryOf, loadPlan, readHyperparameters } from '../engine/index.ts';
import { openGguf } from '../formats/index.ts';
import { rounded } from './statistics.ts';
import type { BenchRequest, BenchResult } from './types.ts';

const defaults = [4096, 128 * 1024, 1024 * 1024, 1e9];

/**
 * What a token costs on a graphics card, counted and not measured: dispatches, bytes of weights, keys and values, and
 * arithmetic of attention at growing positions (or after `context` tokens). No card is needed.
 */
export async function benchCount(request: BenchRequest): Promise<BenchResult> {
  if (request.backend !== 'webgpu')
    throw new AppError('unsupported', 'Only the webgpu backend is counted.', 'Use --backend webgpu.');
  const positions = request.context === undefined ? defaults : [request.context];
  const file = await openGguf(request.model.path);
  try {
    const hyperparameters = await readHyperparameters(file);
    const geometry = geometryOf(hyperparameters);
    const plan = loadPlan(request.plan ?? 'adapted', geometry);
    const count = countGpuWork(file, hyperparameters, plan, { positions });
    const { weights } = count;
    return {
      ...{ name: 'count', backend: 'webgpu', device: 'none', threads: 0, model: request.model.id },
      plan: plan.name,
      contextTokens: positions.at(-1) ?? 0,
      tokensPerSecond: null,
      peakMemoryMB: rounded(process.resourceUsage().maxRSS / 1000),
      dispatchesPerLayer: count.dispatchesPerLayer,
      dispatchesPerToken: count.dispatchesPerToken,
      weights: { ...weights, ratio: rounded(weights.ratio, 4) },
      positions: count.positions,
    };
  } finally {
    await file.close();
  }
}
