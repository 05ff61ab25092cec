/**
 * SentencePiece's BPE by scores: neighbouring pieces merge while the result is a token, the highest score first; what
 * is no token in the end becomes bytes. Spaces are U+2581 in the vocabulary.
 */
import { AppError } from '../../shared/errors.ts';
import type { IdBuffer } from './id-buffer.ts';
import { mergePairs } from './merge.ts';
import type { Vocabulary } from './vocabulary.ts';
import { WordCache } from './word-cache.ts';

export const spaceMark = '\u2581';

export class SentencePieceEncoder {
  readonly #vocabulary: Vocabulary;
  /** ids of the tokens <0x00> … <0xFF>, -1 where there is none */
  readonly #byteIds: Int32Array;
  /** UTF-16 length of the longest token: a longer candidate need not be looked up */
  readonly #longest: number;
  /** cuts a text where no token can lie across the cut, so that words can be cached; null: not possible */
  readonly #words: RegExp | null;
  readonly #cache = new WordCache();

  constructor(vocabulary: Vocabulary) {
    const { tokens, idOf, scores } = vocabulary;
    if (scores.length === 0)
      throw new AppError(
        'invalid-input',
        'The SentencePiece vocabulary has no scores.',
        'Get the model from another source.',
      );
    this.#vocabulary = vocabulary;
    this.#byteIds = Int32Array.from({ length: 256 }, (_, byte) => idOf.get(byteToken(byte)) ?? -1);
    this.#longest = tokens.reduce((longest, token) => Math.max(longest, token.length), 0);
    this.#words = wordPattern(tokens);
  }

  /** @param text well-formed, spaces as `spaceMark`, the prefix already there */
  encode(text: string, into: IdBuffer): void {
    if (this.#words === null) {
      into.pushAll(this.#encodeWord(text));
      return;
    }
    for (const word of text.match(this.#words) ?? []) {
      let ids = this.#cache.get(word);
      if (ids === undefined) {
        ids = this.#encodeWord(word);
        this.#cache.set(word, ids);
      }
      into.pushAll(ids);
    }
  }

  #encodeWord(word: string): readonly number[] {
    const { idOf, scores } = this.#vocabulary;
    const characters = Array.from(word);
    const start = new Int32Array(characters.length);
    const end = new Int32Array(characters.length);
    let offset = 0;
    characters.forEach((character, i) => {
      start[i] = offset;
      offset += character.length;
      end[i] = offset;
    });
    const next = mergePairs(characters.length, {
      pairOf: (left, right) => {
        if (end[right] - start[left] > this.#longest) return -1;
        return idOf.get(word.slice(start[left], end[right])) ?? -1;
      },
      priority: (id) => -scores[id],
      merge: (left, right) => {
        end[left] = end[right];
      },
    });
    const ids: number[] = [];
    for (let i = characters.length === 0 ? -1 : 0; i >= 0; i = next[i])
      this.#push(word.slice(start[i], end[i]), ids);
    return ids;
  }

  /** A piece that is a token, or else its bytes. */
  #push(piece: string, ids: number[]): void {
    const id = this.#vocabulary.idOf.get(piece);
    if (id !== undefined) {
      ids.push(id);
      return;
    }
    for (const byte of Buffer.from(piece)) {
      const byteId = this.#byteIds[byte];
      if (byteId >= 0) ids.push(byteId);
      else if (this.#vocabulary.unknown !== null) ids.push(this.#vocabulary.unknown);
    }
  }
}

function byteToken(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
}

/**
 * Merging never crosses a place that lies inside no token. So a text may be cut before a space mark that follows
 * another character, if no token has one there, and around line breaks, if no longer token holds one: the ids are
 * the same, and words can be cached.
 */
function wordPattern(tokens: readonly string[]): RegExp | null {
  if (tokens.some((token) => /[^\u2581]\u2581/u.test(token))) return null;
  const breaksStandAlone = !tokens.some((token) => token.length > 1 && token.includes('\n'));
  return breaksStandAlone ? /\n|\u2581*[^\u2581\n]+|\u2581+/gu : /\u2581*[^\u2581]+|\u2581+/gu;
}
