/**
 * Answers that are sampled here, from logits that a backend hands over: each token is reported first and then read
 * into the state, so that the next turn finds the answer there.
 *
 * With drafts (`Runtime.mostDrafted`) a chunk holds the sampled token and guesses of the next ones. Each row's token is
 * sampled from that row's own logits, as without drafts, and the row is kept only if the guess was that token: since a
 * row's bits do not depend on the rows beside it, the answer and the state are the same bit for bit.
 */
import type { GeneratedToken, GenerateRequest } from './engine.ts';
import type { LiveState } from './live-states.ts';
import { PromptLookup } from './prompt-lookup.ts';
import { Sampler } from './sampling/index.ts';
import { logProbability, type LogitSummary } from './scoring.ts';

/** What an answer needs of its engine. */
export interface HostGenerationContext {
  readonly vocabulary: number;
  /** ids that a chunk may hold beyond the sampled one; 0: no drafts */
  readonly mostDrafted: number;
  readonly summarise: (logits: Float32Array) => LogitSummary;
  /** logits of the state's last position */
  readonly logits: () => Float32Array;
  /** Reads one id into the state. */
  readonly append: (id: number) => Promise<void>;
  /** Reads a sampled id and guesses of the next ones, and keeps what `accept` says; see `ForwardOptions.accept`. */
  readonly appendDrafted: (ids: Int32Array, accept: (logits: Float32Array) => number) => Promise<void>;
}

export async function generateOnHost(
  { history }: Pick<LiveState, 'history'>,
  { sampling, stop }: Pick<GenerateRequest, 'sampling' | 'stop'>,
  onToken: (token: GeneratedToken) => void,
  context: HostGenerationContext,
): Promise<void> {
  if (sampling.maxTokens < 1) return;
  const { vocabulary, mostDrafted, summarise } = context;
  const sampler = new Sampler(sampling, history.ids(), summarise);
  const lookup = mostDrafted > 0 ? new PromptLookup(history.ids()) : null;
  let left = sampling.maxTokens;
  const report = (id: number, logits: Float32Array): void => {
    onToken({ id, logProbability: logProbability(logits, id, summarise(logits)) });
    lookup?.append(id);
    left--;
  };

  let next: number | null = sampler.sample(context.logits());
  while (next !== null && !stop.includes(next)) {
    report(next, context.logits());
    const draft: readonly number[] = lookup?.draft(Math.min(mostDrafted, left)) ?? [];
    if (draft.length === 0) {
      await context.append(next);
      next = left === 0 ? null : sampler.sample(context.logits());
      continue;
    }
    const ids = Int32Array.of(next, ...draft);
    await context.appendDrafted(ids, (logits) => {
      for (let kept = 1; ; kept++) {
        const row = logits.subarray((kept - 1) * vocabulary, kept * vocabulary);
        next = left === 0 ? null : sampler.sample(row);
        if (next === null || next !== ids[kept] || stop.includes(next)) return kept;
        report(next, row);
      }
    });
  }
}
