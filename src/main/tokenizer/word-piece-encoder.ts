/**
 * WordPiece as BERT's uncased models use it: text is cleaned, folded and cut at white space, punctuation and Chinese
 * characters; of each word the longest beginning that is a token is taken, then the longest of the rest ("##…").
 */
import { AppError } from '../../shared/errors.ts';

const CONTINUES = '##';
/** in code points; a longer word is unknown as a whole */
const LONGEST_WORD = 100;

/** BertNormalizer's: the blocks of CJK ideographs, not kana or hangul */
const IDEOGRAPH =
  /[\u4E00-\u9FFF\u3400-\u4DBF\uF900-\uFAFF\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B920}-\u{2CEAF}\u{2F800}-\u{2FA1F}]/gu;
/** line ends and tabs are controls, but count as white space */
const CONTROL = /(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}\p{Cs}\uFFFD]/gu;
const WORD = /[!-/:-@[-`{-~\p{P}]|[^\s!-/:-@[-`{-~\p{P}]+/gu;

export class WordPieceEncoder {
  readonly #idOf: ReadonlyMap<string, number>;
  readonly #unknown: number;
  /** UTF-16 length of the longest token */
  readonly #longest: number;

  /**
   * @param vocabulary tokens with their ids
   * @throws AppError 'invalid-input' without [UNK]
   */
  constructor(vocabulary: Readonly<Record<string, number>>) {
    this.#idOf = new Map(Object.entries(vocabulary));
    const unknown = this.#idOf.get('[UNK]');
    if (unknown === undefined)
      throw new AppError(
        'invalid-input',
        'The WordPiece vocabulary has no [UNK].',
        'Get the model from another source.',
      );
    this.#unknown = unknown;
    this.#longest = Math.max(...[...this.#idOf.keys()].map((token) => token.length));
  }

  /** Ids of a text, without [CLS] and [SEP]; no more than `limit`. */
  encode(text: string, limit = Infinity): number[] {
    const ids: number[] = [];
    for (const [word] of normalise(text).matchAll(WORD)) {
      if (ids.length >= limit) break;
      ids.push(...this.#pieces(word));
    }
    return ids.length > limit ? ids.slice(0, limit) : ids;
  }

  #pieces(word: string): readonly number[] {
    const whole = this.#idOf.get(word);
    if (whole !== undefined) return [whole];
    const characters = Array.from(word);
    if (characters.length > LONGEST_WORD) return [this.#unknown];
    const ids: number[] = [];
    for (let start = 0; start < characters.length;) {
      const found = this.#longestAt(characters, start);
      if (found === null) return [this.#unknown];
      ids.push(found.id);
      start = found.end;
    }
    return ids;
  }

  #longestAt(characters: readonly string[], start: number): { id: number; end: number } | null {
    const prefix = start === 0 ? '' : CONTINUES;
    const last = Math.min(characters.length, start + this.#longest);
    for (let end = last; end > start; end--) {
      const id = this.#idOf.get(prefix + characters.slice(start, end).join(''));
      if (id !== undefined) return { id, end };
    }
    return null;
  }
}

/**
 * A GGUF's WordPiece vocabulary with the marks of vocab.txt: there "\u2581" begins a word and nothing continues one, here
 * nothing begins and "##" continues; names in brackets stay (llama.cpp, BertModel.set_vocab of its converter).
 */
export function wordPieces(tokens: readonly string[]): Readonly<Record<string, number>> {
  const entries = tokens.map((token, id): [string, number] => {
    if (token.startsWith('\u2581')) return [token.slice(1), id];
    return [/^\[.*\]$/u.test(token) ? token : CONTINUES + token, id];
  });
  return Object.fromEntries(entries);
}

function normalise(text: string): string {
  return (
    text
      .replace(CONTROL, '')
      .replace(IDEOGRAPH, ' $& ')
      .normalize('NFD')
      .replace(/\p{Mn}/gu, '')
      // a last sigma would become another letter; the vocabulary was made without that rule
      .replaceAll('Σ', 'σ')
      .toLowerCase()
  );
}
