/**
 * Which checkpoints of a chain stay. A chain are the stored states of one label whose token ids are prefixes of
 * one another; its newest state is the furthest one.
 *
 * Rule: let d be a checkpoint's distance behind the newest state, in tokens. Between two neighbours that stay,
 * the farther one's d is at most `ratio` times the nearer one's, wherever the chain had checkpoints to choose from.
 * So a change at distance d costs re-reading at most about ratio * d tokens, and a chain of length N on a grid g
 * keeps at most about 2 log_ratio(N / g) checkpoints. The newest state and the one before it always stay, and so
 * does the first. The rule stays true when the newest state moves on, so thinning again loses nothing more than
 * thinning once.
 */

/** Spacing while there is room; `store.ts` raises it when the quota is reached. */
export const USUAL_RATIO = 2;

/**
 * @param positions of one chain, ascending
 * @param ratio >= 1; Infinity keeps the newest only
 * @returns the positions that stay, ascending
 */
export function thinChain(positions: readonly number[], ratio: number): number[] {
  if (ratio === Infinity) return positions.slice(-1);
  const newest = positions.at(-1) ?? 0;
  const kept: number[] = positions.slice(-1);
  let index = positions.length - 2;
  while (index >= 0) {
    const reach = ratio * (newest - kept[0]);
    // The farthest within reach; when even the next one is beyond it, that one.
    while (index > 0 && newest - positions[index - 1] <= reach) index--;
    kept.unshift(positions[index]);
    index--;
  }
  return kept;
}
