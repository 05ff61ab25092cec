/** What was found by its words and what was found by its meaning, as one ranking (decision 0022). */
import type { PassageHit } from '../store/index.ts';
import type { WeightedStems } from './weights.ts';
import { sharedWeight, stemsOf, totalWeight } from './weights.ts';

/**
 * What counts beside the cosine of question and passage. Chosen on one half of bench/retrieval, confirmed on the other;
 * from 0.2 to 0.25 and from 0.15 to 0.3 it makes no difference.
 */
const WORDS_WEIGHT = 0.25;
const PLACE_WEIGHT = 0.15;

export interface Found {
  /** with BM25 as score */
  readonly byWords: readonly PassageHit[];
  /** with the cosine as score */
  readonly byMeaning: readonly PassageHit[];
  /** how many each search was asked for: what a full list leaves out is at most as good as its last */
  readonly limit: number;
}

/**
 * The cosine, plus BM25 (the best of the hits: 1), plus the share of the question's weight that stands in path, headings
 * and names that the passage defines; best first. A passage that one search did not find counts there as its last.
 * @param bonus what puts a passage before others whatever it means (the rest is less than 2)
 */
export function combine(
  { byWords, byMeaning, limit }: Found,
  asked: WeightedStems,
  bonus: (hit: PassageHit) => number,
): PassageHit[] {
  const cosines = scores(byMeaning);
  const bm25 = scores(byWords);
  const best = Math.max(...bm25.values(), Number.MIN_VALUE);
  const [farthest, fewest] = [least(byMeaning, limit), least(byWords, limit)];
  const all = new Map([...byWords, ...byMeaning].map((hit) => [keyOf(hit), hit]));
  const scored = [...all].map(([key, hit]) => ({
    hit,
    score:
      (cosines.get(key) ?? farthest) +
      WORDS_WEIGHT * ((bm25.get(key) ?? fewest) / best) +
      PLACE_WEIGHT * shareInPlace(hit, asked) +
      bonus(hit),
  }));
  return scored.sort((a, b) => b.score - a.score).map(({ hit }) => hit);
}

function keyOf({ passage }: PassageHit): string {
  return `${passage.documentHash} ${String(passage.index)}`;
}

function scores(hits: readonly PassageHit[]): ReadonlyMap<string, number> {
  return new Map(hits.map((hit) => [keyOf(hit), hit.score]));
}

function least(hits: readonly PassageHit[], limit: number): number {
  return hits.length < limit ? 0 : Math.min(...hits.map((hit) => hit.score));
}

/** Where a passage stands says what it is about: in source code, often more than its text does. */
function shareInPlace({ path, passage }: PassageHit, asked: WeightedStems): number {
  const total = totalWeight(asked);
  const place = stemsOf([path, passage.section, ...passage.defines].join(' '));
  return total === 0 ? 0 : sharedWeight(asked, place) / total;
}
