/** Byte-level byte-pair encoding (GPT-2 and its heirs). */
import { AppError } from '../../shared/errors.ts';
import { byteCharacters } from './byte-level.ts';
import { cutGpt2Words } from './gpt2-words.ts';
import type { IdBuffer } from './id-buffer.ts';
import { mergePairs } from './merge.ts';
import type { PairRule } from './merge.ts';
import { PairTable } from './pair-table.ts';
import type { PreTokenizer } from './pre-tokenizers.ts';
import { UnitCache } from './unit-cache.ts';
import type { Vocabulary } from './vocabulary.ts';
import { WordCache } from './word-cache.ts';
import { forEachBlock, forEachWord } from './words.ts';

/**
 * Symbols are numbers: token ids, and beyond them numbers for strings that occur in merges but are no tokens. A merge
 * is stored under its two symbols as its rank; `mergedSymbol[rank]` is what they become.
 */
export class BytePairEncoder {
  readonly #vocabulary: Vocabulary;
  readonly #preTokenizer: PreTokenizer;
  readonly #ranks: PairTable;
  readonly #mergedSymbol: Int32Array;
  /** symbol of each byte */
  readonly #byteSymbols: Int32Array;
  readonly #cache = new WordCache();
  readonly #unitCache = new UnitCache();
  /** code units of the text under way */
  #units = new Uint16Array(0);

  /** @param merges "left right" per line, best first */
  constructor(vocabulary: Vocabulary, merges: readonly string[], preTokenizer: PreTokenizer) {
    this.#vocabulary = vocabulary;
    this.#preTokenizer = preTokenizer;
    const symbols = new SymbolTable(vocabulary);
    this.#byteSymbols = Int32Array.from(byteCharacters, (character) => symbols.of(character));
    this.#ranks = new PairTable(merges.length);
    this.#mergedSymbol = new Int32Array(merges.length);
    merges.forEach((merge, rank) => {
      const space = merge.indexOf(' ', 1);
      if (space < 0)
        throw new AppError(
          'invalid-input',
          `Merge ${rank} of the vocabulary is ${JSON.stringify(merge)}, no pair.`,
        );
      const left = merge.slice(0, space);
      const right = merge.slice(space + 1);
      this.#ranks.add(symbols.of(left), symbols.of(right), rank);
      this.#mergedSymbol[rank] = symbols.of(left + right);
    });
  }

  /** @param text well-formed, without special tokens */
  encode(text: string, into: IdBuffer): void {
    if (this.#preTokenizer.gpt2 === null) this.#encodeByPattern(text, into);
    else this.#encodeGpt2(text, into, this.#preTokenizer.gpt2.digitsApart);
  }

  #encodeGpt2(text: string, into: IdBuffer, digitsApart: boolean): void {
    forEachBlock(text, (block) => {
      const units = this.#load(block);
      cutGpt2Words(units, block.length, digitsApart, {
        word: (start, end) => {
          const slot = this.#unitCache.find(units, start, end);
          if (slot >= 0) {
            into.pushFrom(this.#unitCache.ids, this.#unitCache.first(slot), this.#unitCache.count(slot));
            return;
          }
          const ids = this.#encodeWord(block.slice(start, end));
          this.#unitCache.add(units, start, end, ids);
          into.pushAll(ids);
        },
        foreign: (start, end) => this.#encodeByPattern(block.slice(start, end), into),
      });
    });
  }

  #load(text: string): Uint16Array {
    if (this.#units.length < text.length) this.#units = new Uint16Array(text.length);
    const { buffer, byteOffset } = this.#units;
    Buffer.from(buffer, byteOffset, 2 * text.length).write(text, 'utf16le');
    return this.#units;
  }

  #encodeByPattern(text: string, into: IdBuffer): void {
    forEachWord(text, this.#preTokenizer.patterns, (word) => {
      let ids = this.#cache.get(word);
      if (ids === undefined) {
        ids = this.#encodeWord(word);
        this.#cache.set(word, ids);
      }
      into.pushAll(ids);
    });
  }

  #encodeWord(word: string): readonly number[] {
    const bytes = Buffer.from(word);
    if (this.#preTokenizer.wholeWords) {
      const id = this.#vocabulary.idOf.get(Array.from(bytes, (byte) => byteCharacters[byte]).join(''));
      if (id !== undefined) return [id];
    }
    const symbols = Int32Array.from(bytes, (byte) => this.#byteSymbols[byte]);
    const next = mergePairs(symbols.length, this.#ruleFor(symbols));
    const ids: number[] = [];
    for (let i = 0; i >= 0; i = next[i]) {
      // A byte without a token has no id, as in llama.cpp. (SmolLM2 lacks six control
      // characters, 04 06 13 14 16 1D, and the lead bytes F1 and F2 of code points that are not assigned.)
      if (symbols[i] < this.#vocabulary.tokens.length) ids.push(symbols[i]);
    }
    return ids;
  }

  #ruleFor(symbols: Int32Array): PairRule {
    return {
      pairOf: (left, right) => this.#ranks.get(symbols[left], symbols[right]),
      priority: (rank) => rank,
      merge: (left, _right, rank) => {
        symbols[left] = this.#mergedSymbol[rank];
      },
    };
  }
}

/** Numbers for strings: ids of tokens, numbers from the vocabulary's size on for the others. */
class SymbolTable {
  readonly #ids: ReadonlyMap<string, number>;
  readonly #others = new Map<string, number>();
  readonly #first: number;

  constructor(vocabulary: Vocabulary) {
    this.#ids = vocabulary.idOf;
    this.#first = vocabulary.tokens.length;
  }

  of(text: string): number {
    const known = this.#ids.get(text) ?? this.#others.get(text);
    if (known !== undefined) return known;
    const number = this.#first + this.#others.size;
    this.#others.set(text, number);
    return number;
  }
}
