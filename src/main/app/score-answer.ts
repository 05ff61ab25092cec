/** How probable a given answer is after a turn's context: what `bench/questions` measures passages and states by. */
import type { Store } from '../store/index.ts';
import type { Engines, LoadedModel } from './engines.ts';
import { openContext, prefillContext } from './open-context.ts';
import type { TurnRequest } from './turn-context.ts';
import { planTurnContext } from './turn-context.ts';

export interface ScoredAnswer {
  /** tokens of the prompt, without the stem */
  readonly promptTokens: number;
  /** natural log-probability of each gold token */
  readonly logProbabilities: readonly number[];
  /** every gold token was the most probable one */
  readonly exact: boolean;
}

/**
 * Reads the turn's context and the beginning of an answer, and scores how it goes on.
 * @param answer.stem how the answer begins, not scored
 * @param answer.gold how it goes on; begins with a space where a word begins
 * @throws AppError as a turn does
 */
export async function scoreAnswer(
  parts: { readonly store: Store; readonly engines: Engines },
  model: LoadedModel,
  request: TurnRequest,
  answer: { readonly stem: string; readonly gold: string },
  signal: AbortSignal,
): Promise<ScoredAnswer> {
  const context = await planTurnContext(parts, model, request);
  const engine = await model.engine();
  const opened = await openContext(engine, context, signal);
  try {
    const quiet = { signal, onProgress: () => undefined, onQueue: () => undefined };
    await prefillContext(engine, opened, context.plan, quiet);
    const { state } = opened;
    await engine.prefill(state, model.writer.text(answer.stem), { priority: 'chat', signal });
    const scored = await engine.score(state, model.writer.text(answer.gold), { priority: 'chat', signal });
    return {
      promptTokens: opened.prompt.ids.length,
      logProbabilities: [...scored.logProbabilities],
      exact: scored.greedy.every((is) => is === 1),
    };
  } finally {
    await engine.release(opened.state);
  }
}
