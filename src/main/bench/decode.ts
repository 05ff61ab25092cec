import type { StateHandle } from '../engine/index.ts';
import { commonFigures, emptyState, someIds, withEngine } from './engine-run.ts';
import type { EngineRun } from './engine-run.ts';
import { median, rounded, spreadOf } from './statistics.ts';
import type { BenchRequest, BenchResult } from './types.ts';

const greedy = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  repetitionWindow: 0,
  seed: 1,
} as const;

/**
 * Tokens per second of generating `tokens` (64) after `context` (16k), in `repeat` (3) stretches; with `compare`, the
 * same after another context, stretch by stretch in turns, so that both see the same machine.
 */
export async function benchDecode(request: BenchRequest): Promise<BenchResult> {
  const context = request.context ?? 16 * 1024;
  const contexts = request.compare === undefined ? [context] : [context, request.compare];
  const count = request.tokens ?? 64;
  const repeat = request.repeat ?? 3;
  // Two states at once need room for both.
  return withEngine(request, { plan: 'adapted', maxMemoryMB: 8000 }, async (run) => {
    const states: StateHandle[] = [];
    for (const tokens of contexts) states.push(await stateAfter(run, tokens));
    const memory = await commonFigures('decode', run);
    const runs: number[][] = contexts.map(() => []);
    for (let turn = 1; turn <= repeat; turn++) {
      for (const [index, state] of states.entries()) {
        runs[index]?.push(await msPerToken(run, state, count));
        request.onProgress?.(turn, repeat, 'generating');
      }
    }
    const [first = [], second] = runs;
    return {
      ...memory,
      contextTokens: context,
      tokensPerSecond: rounded(1000 / median(first)),
      msPerToken: spreadOf(first),
      synthetic: request.synthetic === true,
      ...(second === undefined ? {} : comparison(request.compare ?? 0, first, second)),
    };
  });
}

/** Ratio of the medians, and of each pair of neighbouring stretches. */
function comparison(context: number, first: readonly number[], second: readonly number[]): object {
  return {
    compare: {
      contextTokens: context,
      tokensPerSecond: rounded(1000 / median(second)),
      msPerToken: spreadOf(second),
      costRatio: rounded(median(first) / median(second), 3),
      costRatios: spreadOf(first.map((ms, i) => rounded(ms / (second[i] ?? NaN), 3))),
    },
  };
}

async function stateAfter(run: EngineRun, tokens: number): Promise<StateHandle> {
  const { engine, plan, request } = run;
  const ids = someIds(tokens, engine.info.hyperparameters.vocabulary);
  const signal = request.signal === undefined ? {} : { signal: request.signal };
  if (request.synthetic === true && tokens > 1) {
    const state = await engine.openSynthetic(plan, tokens - 1, 1);
    await engine.prefill(state, ids.subarray(tokens - 1), { priority: 'chat', ...signal });
    return state;
  }
  const state = await emptyState(run);
  await engine.prefill(state, ids, {
    priority: 'chat',
    onProgress: ({ done, total }) => request.onProgress?.(done, total, 'reading the context'),
    ...signal,
  });
  return state;
}

/** Median over the tokens of a stretch: a hiccup of the machine is not the speed of the engine. */
async function msPerToken(
  { engine, request }: EngineRun,
  state: StateHandle,
  count: number,
): Promise<number> {
  const times: number[] = [];
  // One more: the time of a token lies between two.
  const sampling = { ...greedy, maxTokens: count + 1 };
  for await (const token of engine.generate(
    { state, sampling, stop: [], priority: 'chat', drafts: false },
    request.signal,
  )) {
    if (token.id >= 0) times.push(performance.now());
  }
  return median(times.slice(1).map((time, i) => time - (times[i] ?? NaN)));
}
