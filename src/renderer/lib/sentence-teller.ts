/** Says a growing text aloud sentence by sentence, to a live region: never half of one, never one twice. */
export class SentenceTeller {
  readonly #say: (words: string) => void;
  #text = '';
  #told = 0;

  constructor(say: (words: string) => void) {
    this.#say = say;
  }

  /** @param text all of it so far */
  tell(text: string): void {
    if (!text.startsWith(this.#text.slice(0, this.#told))) this.#told = 0;
    this.#text = text;
    const rest = text.slice(this.#told);
    const ends = [...rest.matchAll(/[.!?](?=\s)|[。！？]|\n\n/g)];
    const last = ends.at(-1);
    if (last === undefined) return;
    const length = last.index + last[0].length;
    this.#told += length;
    this.#speak(rest.slice(0, length));
  }

  /** The rest, and that it was the end. */
  end(words: string): void {
    if (this.#text === '') return;
    this.#speak(`${this.#text.slice(this.#told)} ${words}`);
    this.#text = '';
    this.#told = 0;
  }

  #speak(words: string): void {
    const plain = words.replace(/[*_`#>~|]+/g, '').trim();
    if (plain !== '') this.#say(plain);
  }
}
