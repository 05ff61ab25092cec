import { AppError } from '../../shared/errors.ts';
import { commonFigures, emptyState, withEngine } from './engine-run.ts';
import { mean, rounded } from './statistics.ts';
import { idsOfFile, tokenizerOf } from './text-ids.ts';
import type { BenchRequest, BenchResult } from './types.ts';

/** Tokens scored in one call: progress and cancel come between calls. */
const stretch = 512;

/** exp of the mean negative log-probability of the first `tokens` (4k) of a text, each given all before it. */
export async function benchPerplexity(request: BenchRequest): Promise<BenchResult> {
  if (request.file === undefined)
    throw new AppError('usage', 'bench perplexity needs a text.', 'Add --file FILE (plain text).');
  const ids = await idsOfFile(request.file, await tokenizerOf(request.model), request.tokens ?? 4096);
  return withEngine(request, { plan: 'dense', ownPlan: true }, async (run) => {
    const state = await emptyState(run);
    const signal = request.signal === undefined ? {} : { signal: request.signal };
    const losses: number[] = [];
    const start = performance.now();
    for (let done = 0; done < ids.length; done += stretch) {
      const part = ids.subarray(done, done + stretch);
      const scored = await run.engine.score(state, part, { priority: 'chat', ...signal });
      // The first token of all has nothing before it.
      for (const value of scored.logProbabilities) if (!Number.isNaN(value)) losses.push(-value);
      request.onProgress?.(done + part.length, ids.length, 'scoring');
    }
    const seconds = (performance.now() - start) / 1000;
    return {
      ...(await commonFigures('perplexity', run)),
      contextTokens: ids.length,
      tokensPerSecond: rounded(ids.length / seconds),
      scored: losses.length,
      loss: mean(losses),
      perplexity: Math.exp(mean(losses)),
    };
  });
}
