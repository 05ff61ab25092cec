/** words of one generation */
const generationSize = 32_768;
/** longer words are rare, seldom repeated, and would make the cache large */
const longestWord = 48;

/**
 * Ids of words that were seen lately. Two generations: when the young one is full it becomes the old one, and what is
 * not asked for again goes with it. So the cache is bounded and keeps what is used, without a list to maintain.
 */
export class WordCache {
  #young = new Map<string, readonly number[]>();
  #old = new Map<string, readonly number[]>();

  get(word: string): readonly number[] | undefined {
    const ids = this.#young.get(word);
    if (ids !== undefined) return ids;
    const older = this.#old.get(word);
    if (older !== undefined) this.set(word, older);
    return older;
  }

  set(word: string, ids: readonly number[]): void {
    if (word.length > longestWord) return;
    if (this.#young.size >= generationSize) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(word, ids);
  }
}
