/** llama.cpp at its best: which settings are tried, and which one serves each figure. */
import type { Chosen, Session, Settings } from './results.ts';

/** Threads x batch size x flash attention. */
export function combinations(cores: number): Settings[] {
  return [...new Set([1, Math.max(1, cores)])].flatMap((threads) =>
    [512, 2048].flatMap((batchSize) =>
      [true, false].map((flashAttention): Settings => ({ threads, batchSize, flashAttention })),
    ),
  );
}

/** Of each way to attend, the settings that read fastest: these are tried on a longer text too. */
export function longCandidates(tried: readonly Session[]): Settings[] {
  return [true, false].flatMap((flashAttention) => {
    const those = tried.filter(({ settings }) => settings.flashAttention === flashAttention);
    const length = longest(those);
    const [best] = those.toSorted((a, b) => cost(a, length, 'prefillMs') - cost(b, length, 'prefillMs'));
    return best === undefined ? [] : [best.settings];
  });
}

/** Measurements of one machine differ by so much from one minute to the next. */
const NOISE = 0.03;

/**
 * The fastest settings for each length: as tried at that length, or at the longest that was tried below it. Of those
 * within the noise of the fastest the ones that are the fastest most often, so that few processes serve all figures.
 * @throws Error when nothing was tried
 */
export function chooseSettings(tried: readonly Session[], lengths: readonly number[]): Chosen[] {
  const figures = lengths.flatMap((tokens) =>
    (['prefillMs', 'decodeMs'] as const).map((figure) => ({ tokens, figure })),
  );
  const wins = new Map<string, number>();
  for (const { tokens, figure } of figures)
    for (const { settings } of nearBest(tried, tokens, figure))
      wins.set(named(settings), (wins.get(named(settings)) ?? 0) + 1);
  const choose = (tokens: number, figure: Figure): Settings => {
    const [first] = nearBest(tried, tokens, figure).toSorted(
      (a, b) => (wins.get(named(b.settings)) ?? 0) - (wins.get(named(a.settings)) ?? 0),
    );
    if (first === undefined) throw new Error(`No settings were tried for ${tokens} tokens.`);
    return first.settings;
  };
  return lengths.map((tokens) => ({
    tokens,
    prefill: choose(tokens, 'prefillMs'),
    decode: choose(tokens, 'decodeMs'),
  }));
}

export function named({ threads, batchSize, flashAttention }: Settings): string {
  return `${threads} thread${threads === 1 ? '' : 's'}, batch ${batchSize}, flash attention ${flashAttention ? 'on' : 'off'}`;
}

type Figure = 'prefillMs' | 'decodeMs';

function nearBest(tried: readonly Session[], tokens: number, figure: Figure): Session[] {
  const lengths = tried.flatMap(({ points }) => points.map((point) => point.tokens));
  const length = Math.max(...lengths.filter((one) => one <= tokens));
  const costs = tried.map((session) => cost(session, length, figure));
  const least = Math.min(...costs);
  return tried.filter((_, i) => (costs[i] ?? Infinity) <= least * (1 + NOISE));
}

function cost({ points }: Session, tokens: number, figure: Figure): number {
  return points.find((point) => point.tokens === tokens)?.[figure] ?? Infinity;
}

function longest(sessions: readonly Session[]): number {
  return Math.max(...sessions.flatMap(({ points }) => points.map(({ tokens }) => tokens)));
}
