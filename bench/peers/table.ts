/** The tables of docs/benchmarks.md next to llama.cpp. */
import { count, conditions } from '../report-parts.ts';
import { denseCost, farPrefillMs } from './extrapolate.ts';
import { named } from './settings.ts';
import type { Chosen, PeersResult, PlanName, Point } from './results.ts';

/** The longest of what llama.cpp read: from these it is reckoned what more would cost. */
const FITTED = 3;

/** tokens/s of one figure in each round; ratios are of the same round */
export interface Comparison {
  readonly tokens: number;
  readonly plan: PlanName;
  readonly figure: 'prefill' | 'decode';
  readonly ours: readonly number[];
  readonly theirs: readonly number[];
  readonly ratios: readonly number[];
  /** llama.cpp (and ours) are reckoned from shorter texts */
  readonly extrapolated: boolean;
}

/** Every length and plan that was measured, then the far ones. */
export function comparisons(result: PeersResult): Comparison[] {
  return (['prefill', 'decode'] as const).flatMap((figure) => [
    ...measuredComparisons(result, figure),
    ...farComparisons(result, figure),
  ]);
}

function measuredComparisons({ rounds }: PeersResult, figure: Comparison['figure']): Comparison[] {
  const plans: readonly PlanName[] = ['dense', 'window', 'adapted'];
  return plans.flatMap((plan) =>
    (rounds[0]?.ours.plans[plan] ?? []).map(({ tokens }) => {
      const ours = rounds.map((round) => speed(pointAt(round.ours.plans[plan], tokens), figure));
      const theirs = rounds.map((round) => speed(pointAt(round.theirs.points, tokens), figure));
      return comparison({ tokens, plan, figure, ours, theirs, extrapolated: false });
    }),
  );
}

function farComparisons({ rounds, far }: PeersResult, figure: Comparison['figure']): Comparison[] {
  return (['window', 'adapted'] as const).flatMap((plan) => {
    const points = far.filter((point) => point.plan === plan);
    const [first] = points;
    return points.flatMap(({ tokens, decodeMs }) => {
      if (tokens === first?.tokens) return [];
      const theirs = rounds.map((round) => {
        const cost = denseCost(round.theirs.points.slice(-FITTED));
        return figure === 'prefill' ? (1000 * tokens) / cost.prefillMs(tokens) : 1000 / cost.decodeMs(tokens);
      });
      const ours = rounds.map((round) => {
        const last = round.ours.plans[plan].at(-1);
        if (last === undefined) return NaN;
        return figure === 'prefill' ? (1000 * tokens) / farPrefillMs(last, points, tokens) : 1000 / decodeMs;
      });
      return [comparison({ tokens, plan, figure, ours, theirs, extrapolated: true })];
    });
  });
}

function comparison(given: Omit<Comparison, 'ratios'>): Comparison {
  return {
    ...given,
    ratios: given.ours.map((speedOfRound, round) => speedOfRound / (given.theirs[round] ?? NaN)),
  };
}

function pointAt(points: readonly Point[], tokens: number): Point | undefined {
  return points.find((point) => point.tokens === tokens);
}

/** tokens/s; NaN where it was not measured */
function speed(point: Point | undefined, figure: Comparison['figure']): number {
  if (point === undefined) return NaN;
  return figure === 'prefill'
    ? (1000 * point.tokens) / (point.prefillMs ?? NaN)
    : 1000 / (point.decodeMs ?? NaN);
}

export function peersTable(result: PeersResult): string[] {
  const { rounds, engine, llamaCpp, environment, reopen } = result;
  const { ours, theirs } = reopen;
  return [
    '| tokens/s, median | plan | Longleaf | llama.cpp | times better [least, most] |',
    '|---|---|---|---|---|',
    ...comparisons(result).map((one) => row(one)),
    lessRow(`peak memory, reading ${count(reopen.tokens)}, MB`, [ours.peakMemoryMB], [theirs.peakMemoryMB]),
    lessRow('process asked for -> model ready, ms', ours.modelReadyMs, theirs.modelReadyMs),
    lessRow(`-> ${count(reopen.tokens)} tokens there again, ms`, ours.restoredMs, theirs.restoredMs),
    lessRow('what was read, on disk, MB', [ours.stateMB], [theirs.stateMB]),
    '',
    `\\*: not measured at that length. llama.cpp: from its own cost at the ${FITTED} longest that it read; Longleaf: what was read, and what a token costs at that length (state filled with noise).`,
    '',
    `llama.cpp at its best, out of ${llamaCpp.tried.length} settings (threads x batch size x flash attention; all in the JSON): ${bestSettings(llamaCpp.chosen)}. ` +
      `node-llama-cpp ${llamaCpp.version}, llama.cpp ${llamaCpp.release ?? ''}, ${llamaCpp.library ?? 'its own choice of kernels'}.`,
    '',
    `Longleaf: ${engine.variant}, ${engine.threads} thread${engine.threads === 1 ? '' : 's'}. ${rounds.length} rounds in turns. ${conditions(environment)} ${extensions(environment.cpuFlags)}`,
  ];
}

function row({ tokens, plan, figure, ours, theirs, ratios, extrapolated }: Comparison): string {
  const star = extrapolated ? '\\*' : '';
  const what =
    figure === 'prefill' ? `prefill of ${count(tokens)}${star}` : `decode after ${count(tokens)}${star}`;
  return `| ${what} | \`${plan}\` | ${figures(middle(ours))} | ${figures(middle(theirs))} | ${spreadOf(ratios)} |`;
}

/** Of what less is better; `adapted` where it depends on the plan. */
function lessRow(what: string, ours: readonly number[], theirs: readonly number[]): string {
  const ratios = ours.map((one, i) => (theirs[i] ?? NaN) / one);
  const shown = (list: readonly number[]): string => count(Math.round(middle(list)));
  return `| ${what} | | ${shown(ours)} | ${shown(theirs)} | ${spreadOf(ratios)} |`;
}

function spreadOf(ratios: readonly number[]): string {
  return `${middle(ratios).toFixed(2)} [${Math.min(...ratios).toFixed(2)}, ${Math.max(...ratios).toFixed(2)}]`;
}

function figures(speedShown: number): string {
  return speedShown >= 1000 ? count(Math.round(speedShown)) : speedShown.toFixed(1);
}

/** Which settings serve which figures, each named once. */
function bestSettings(chosen: readonly Chosen[]): string {
  const uses = new Map<string, string[]>();
  for (const { tokens, prefill, decode } of chosen) {
    for (const [what, settings] of [
      [`prefill ${count(tokens)}`, prefill],
      [`decode ${count(tokens)}`, decode],
    ] as const) {
      const name = named(settings);
      uses.set(name, [...(uses.get(name) ?? []), what]);
    }
  }
  if (uses.size === 1) return `${[...uses.keys()][0] ?? ''} for every figure`;
  return [...uses].map(([name, whats]) => `${name} (${whats.join(', ')})`).join('; ');
}

function extensions(flags: readonly string[]): string {
  const telling = flags.filter((flag) => /^(avx512_|avx_vnni|amx|avx2$|i8mm|bf16)/.test(flag));
  return telling.length === 0 ? '' : `Extensions: ${telling.join(' ')}.`;
}

export function middle(list: readonly number[]): number {
  const sorted = list.toSorted((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? NaN) + (sorted[sorted.length >> 1] ?? NaN)) / 2;
}
