/** Texts for a large index: words by Zipf's law, a part as source code and a part in Japanese. The same seed, the same texts. */

/** numbers in [0, 1): mulberry32 */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const WORDS = 60_000;
const FOREIGN_WORDS = 8_000;
const COMMON =
  'the of and to a in is that it was for on are as with his they at be this from have or by one had not but what all were when we there can an your which their said if do will each about how up out them then she many some so these would other into has more'.split(
    ' ',
  );
const ONSETS = 'b c d f g h l m n p r s t v w st tr br ch sh'.split(' ');
const VOWELS = 'a e i o u ea ou ai'.split(' ');
const CODAS = ['', '', 'n', 'r', 's', 't', 'l', 'm', 'ck'];

/** Vocabularies in the order of their frequency. */
export class Vocabulary {
  readonly words: readonly string[];
  readonly foreign: readonly string[];
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = randomOf(seed);
    const words = new Set(COMMON);
    while (words.size < WORDS) words.add(this.#word());
    this.words = [...words];
    const foreign = new Set<string>();
    while (foreign.size < FOREIGN_WORDS) foreign.add(this.#foreignWord());
    this.foreign = [...foreign];
  }

  #pick(list: readonly string[]): string {
    return list[Math.floor(this.#random() * list.length)] ?? '';
  }

  #word(): string {
    const syllables = 1 + Math.floor(this.#random() * 3);
    let word = '';
    for (let i = 0; i < syllables; i++) word += this.#pick(ONSETS) + this.#pick(VOWELS) + this.#pick(CODAS);
    return word;
  }

  /** two to four characters: kanji, the last sometimes kana */
  #foreignWord(): string {
    const length = 2 + Math.floor(this.#random() * 3);
    const code = (i: number): number =>
      i === length - 1 && this.#random() < 0.4
        ? 0x3042 + Math.floor(this.#random() * 80)
        : 0x4e00 + Math.floor(this.#random() * 2_500);
    return Array.from({ length }, (_, i) => String.fromCodePoint(code(i))).join('');
  }
}

/** Zipf's law with exponent 1: rank r comes with probability about 1 / r. */
function zipf(list: readonly string[], random: () => number): string {
  return list[Math.floor(list.length ** random()) - 1] ?? '';
}

/** One paragraph is one passage, about 1,200 characters (500 in Japanese), with its line end. */
export function paragraph(
  kind: 'prose' | 'code' | 'foreign',
  words: Vocabulary,
  random: () => number,
): string {
  if (kind === 'foreign')
    return `${Array.from({ length: 170 }, (_, i) => zipf(words.foreign, random) + (i % 9 === 8 ? '。' : '')).join('')}\n`;
  if (kind === 'prose') return `${Array.from({ length: 220 }, () => zipf(words.words, random)).join(' ')}.\n`;
  const line = (): string => {
    const [a, b, c] = [0, 1, 2].map(() => zipf(words.words, random)) as [string, string, string];
    return `const ${a}${b[0]?.toUpperCase() ?? ''}${b.slice(1)} = ${c}_${b}(${a}, ${c});`;
  };
  return `${Array.from({ length: 30 }, line).join(' ')}\n`;
}
