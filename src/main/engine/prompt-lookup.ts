/**
 * Guesses how a text goes on from what stands in it already: after the same last tokens, the same next ones (prompt
 * lookup decoding: Saxena 2023; Yang et al. 2023, arXiv 2304.04487). Answers about a text quote it, code repeats its
 * names. A guess costs nothing when it is wrong but the rows that it took: see `ForwardOptions.accept`.
 */

/** Tokens before the end that are searched: passages and the question stand there. Keeps a token's cost flat. */
const WINDOW = 8192;
/** Tokens up to which a longer match is the better one. */
const LONGEST_MATCH = 6;
/** Places with the same last two tokens that are compared, the latest first. */
const MOST_PLACES = 32;
/** Larger than any vocabulary, so that a pair of ids is one exact number. */
const PAIR_BASE = 2 ** 24;

export class PromptLookup {
  readonly #ids: number[] = [];
  /** a pair of ids -> index of its second id, where it was seen last */
  readonly #latest = new Map<number, number>();
  /** the same pair's index before this one, -1 = none */
  readonly #earlier: number[] = [];

  /** @param context ids so far; the last 8,192 are searched */
  constructor(context: ArrayLike<number>) {
    for (let i = Math.max(0, context.length - WINDOW); i < context.length; i++) this.append(context[i]);
  }

  append(id: number): void {
    const index = this.#ids.push(id) - 1;
    const pair = this.#pairAt(index);
    this.#earlier.push(this.#latest.get(pair) ?? -1);
    if (index > 0) this.#latest.set(pair, index);
  }

  /** Up to `count` ids that may follow; none where the last two tokens stand nowhere before. */
  draft(count: number): number[] {
    const end = this.#ids.length;
    const place = this.#longestMatch();
    const ids: number[] = [];
    if (place < 0) return ids;
    // what is copied may run into what was just copied: a text that repeats itself goes on repeating
    for (let i = place + 1; ids.length < count; i++) ids.push(i < end ? this.#ids[i] : ids[i - end]);
    return ids;
  }

  #longestMatch(): number {
    const last = this.#ids.length - 1;
    let best = -1;
    let longest = 0;
    let place = this.#earlier[last] ?? -1;
    for (let tried = 0; place >= 0 && tried < MOST_PLACES; tried++, place = this.#earlier[place]) {
      let length = 2;
      while (
        length < LONGEST_MATCH &&
        length <= place &&
        this.#ids[place - length] === this.#ids[last - length]
      )
        length++;
      if (length <= longest) continue;
      longest = length;
      best = place;
    }
    return best;
  }

  #pairAt(index: number): number {
    return index === 0 ? -1 : this.#ids[index - 1] * PAIR_BASE + this.#ids[index];
  }
}
