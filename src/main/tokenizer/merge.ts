/**
 * Merging of neighbouring symbols, best pair first: the core of byte-pair encoding (lowest merge rank) and of
 * SentencePiece (highest score) alike. A heap of candidate pairs makes it O(n log n): a "word" of 100 kB without a
 * space (base64, minified code) is no special case.
 */

/** What a vocabulary says about pairs. `pair` is any number that stands for the merge of two symbols. */
export interface PairRule {
  /** the pair of two neighbouring symbols (by index), or -1 when they don't merge */
  pairOf(left: number, right: number): number;
  /** lower is merged earlier; equal priorities: the leftmost first */
  priority(pair: number): number;
  /** the symbol at `left` becomes the merged pair; the one at `right` is gone */
  merge(left: number, right: number, pair: number): void;
}

/**
 * Merges until no pair is left.
 * @param count symbols, indices 0 … count - 1
 * @returns next: index of the symbol after each surviving one, -1 at the end; symbol 0 always survives
 */
export function mergePairs(count: number, rule: PairRule): Int32Array {
  const next = Int32Array.from({ length: count }, (_, i) => (i + 1 < count ? i + 1 : -1));
  const previous = Int32Array.from({ length: count }, (_, i) => i - 1);
  // Bumped when a symbol changes or dies: a candidate of older versions is stale.
  const version = new Int32Array(count);
  const queue = new CandidateHeap();
  const offer = (left: number, right: number): void => {
    if (left < 0 || right < 0) return;
    const pair = rule.pairOf(left, right);
    if (pair >= 0)
      queue.push({
        priority: rule.priority(pair),
        left,
        right,
        pair,
        version: version[left] + version[right],
      });
  };
  for (let i = 1; i < count; i++) offer(i - 1, i);
  for (let best = queue.pop(); best !== undefined; best = queue.pop()) {
    const { left, right, pair } = best;
    if (version[left] + version[right] !== best.version) continue;
    rule.merge(left, right, pair);
    version[left]++;
    version[right]++;
    next[left] = next[right];
    if (next[right] >= 0) previous[next[right]] = left;
    offer(previous[left], left);
    offer(left, next[left]);
  }
  return next;
}

interface Candidate {
  readonly priority: number;
  readonly left: number;
  readonly right: number;
  readonly pair: number;
  /** versions of both symbols together: they only grow, so an equal sum means that neither changed */
  readonly version: number;
}

/** Binary heap, lowest (priority, left) first. */
class CandidateHeap {
  readonly #items: Candidate[] = [];

  push(item: Candidate): void {
    const items = this.#items;
    let at = items.length;
    items.push(item);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(item, items[parent])) break;
      items[at] = items[parent];
      at = parent;
    }
    items[at] = item;
  }

  pop(): Candidate | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return last;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && isBefore(items[child + 1], items[child])) child++;
      if (!isBefore(items[child], last)) break;
      items[at] = items[child];
      at = child;
    }
    items[at] = last;
    return top;
  }
}

function isBefore(a: Candidate, b: Candidate): boolean {
  return a.priority < b.priority || (a.priority === b.priority && a.left < b.left);
}
