/** Bytes that each id stands for, computed when first asked for. */
import { bytesOfToken } from './byte-level.ts';
import { spaceMark } from './sentence-piece-encoder.ts';
import type { Tokenizer } from './types.ts';
import { tokenType } from './vocabulary.ts';
import type { Vocabulary } from './vocabulary.ts';

const nothing = new Uint8Array(0);

export class TokenBytes {
  readonly #vocabulary: Vocabulary;
  readonly #kind: Tokenizer['kind'];
  readonly #known: (Uint8Array | undefined)[] = [];

  constructor(vocabulary: Vocabulary, kind: Tokenizer['kind']) {
    this.#vocabulary = vocabulary;
    this.#kind = kind;
  }

  /**
   * @param id outside the vocabulary: no bytes
   * @param special true: control tokens as their text
   */
  of(id: number, special: boolean): Uint8Array {
    const { tokens, types } = this.#vocabulary;
    if (id < 0 || id >= tokens.length) return nothing;
    const type = types[id];
    if (!special && (type === tokenType.control || type === tokenType.unknown)) return nothing;
    return (this.#known[id] ??= this.#compute(tokens[id], type));
  }

  #compute(token: string, type: number): Uint8Array {
    if (type === tokenType.byte) {
      const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1];
      if (byte !== undefined) return Uint8Array.of(Number.parseInt(byte, 16));
    }
    const isText = type === tokenType.control || type === tokenType.unknown || type === tokenType.userDefined;
    if (this.#kind === 'bpe') return isText ? Buffer.from(token) : bytesOfToken(token);
    return Buffer.from(isText ? token : token.replaceAll(spaceMark, ' '));
  }
}
