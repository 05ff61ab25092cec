/** Several rankings of passages as one. */
import type { PassageHit } from '../store/index.ts';

/**
 * The smaller, the more the first places count (Cormack, Clarke and Büttcher 2009 take 60, for lists of 1000 of which
 * all that is read counts; here five or six are read). Chosen on one half of bench/retrieval, confirmed on the other.
 */
const K = 5;

/**
 * The sum of 1 / (K + place) over the rankings in which a passage stands, best first.
 * @param bonus what puts a passage before others whatever its places (they give less than 0.4 together)
 */
export function fuse(
  rankings: readonly (readonly PassageHit[])[],
  bonus: (hit: PassageHit) => number,
): PassageHit[] {
  const found = new Map<string, { readonly hit: PassageHit; score: number }>();
  for (const ranking of rankings)
    ranking.forEach((hit, i) => {
      const key = `${hit.passage.documentHash} ${String(hit.passage.index)}`;
      const known = found.get(key) ?? { hit, score: bonus(hit) };
      known.score += 1 / (K + i + 1);
      found.set(key, known);
    });
  return [...found.values()].sort((a, b) => b.score - a.score).map(({ hit }) => hit);
}
