/**
 * How much a word tells: its inverse document frequency among the passages of the library. Rare words and
 * numbers weigh most; a word that stands in every second passage weighs next to nothing.
 */
import { termsOf } from '../../shared/text/terms.ts';
import { stem } from './words.ts';

export type WordWeight = (word: string) => number;

/** A number is seldom in a sentence by chance. */
const NUMBER_FACTOR = 1.5;

/**
 * Weight of a word: ln((N + 1) / (n + 0.5)), at least 0, with N passages of which n hold the word (the usual
 * smoothed form of Spärck Jones's idf). A word that was not counted weighs like one that occurs nowhere.
 * @param counts per word of `counted`, in how many passages it occurs
 */
export function wordWeights(
  counted: readonly string[],
  counts: readonly number[],
  total: number,
): WordWeight {
  const known = new Map<string, number>();
  counted.forEach((word, i) => known.set(word, counts[i] ?? 0));
  return (word) => {
    const idf = Math.max(0, Math.log((total + 1) / ((known.get(word) ?? 0) + 0.5)));
    return /\p{N}/u.test(word) ? idf * NUMBER_FACTOR : idf;
  };
}

/** what a word counts that stands beside a sentence, not in it */
export const NEARBY = 0.5;

/** Words by stem, each with the weight of its heaviest form. */
export type WeightedStems = ReadonlyMap<string, number>;

export function weightedStems(list: readonly string[], weight: WordWeight): WeightedStems {
  const stems = new Map<string, number>();
  for (const word of list) stems.set(stem(word), Math.max(stems.get(stem(word)) ?? 0, weight(word)));
  return stems;
}

export function stemsOf(text: string): ReadonlySet<string> {
  return new Set(termsOf(text).map((term) => term.text));
}

export function totalWeight(stems: WeightedStems): number {
  let sum = 0;
  for (const weight of stems.values()) sum += weight;
  return sum;
}

/** Weight of those stems that `present` holds; 1 for the text itself, `nearby` for what stands around it. */
export function sharedWeight(
  stems: WeightedStems,
  present: ReadonlySet<string>,
  around?: { readonly present: ReadonlySet<string>; readonly factor: number },
): number {
  let sum = 0;
  for (const [word, weight] of stems) {
    if (present.has(word)) sum += weight;
    else if (around?.present.has(word) === true) sum += weight * around.factor;
  }
  return sum;
}
