import type { SamplingParameters } from '../../shared/model/index.ts';

/**
 * Answers about documents: greedy, so that the same question gives the same answer. Small models fall into loops of a
 * few words; a penalty on the last 8 tokens breaks those. A longer window would reach back into the question and the
 * passages, and make the model misspell the very names it was asked for (seen: "Jerabelon" for Jeroboam at 64). 256
 * tokens are a long paragraph.
 */
export const DEFAULT_SAMPLING: SamplingParameters = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1.1,
  repetitionWindow: 8,
  seed: 0,
  maxTokens: 256,
};

type Chosen = { readonly [K in keyof SamplingParameters]?: SamplingParameters[K] | undefined };

/** The defaults with what was chosen: later choices count more. */
export function samplingWith(...choices: readonly Chosen[]): SamplingParameters {
  const chosen = choices.flatMap((choice) =>
    Object.entries(choice).filter(([, value]) => value !== undefined),
  );
  return { ...DEFAULT_SAMPLING, ...(Object.fromEntries(chosen) as Partial<SamplingParameters>) };
}
