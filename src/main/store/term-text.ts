/**
 * What the index is fed with: the terms of a text (`termsOf`), a space after each. The rule stands in terms.ts; this is
 * the same at twenty times the speed: a library has few different words, so each run of word characters is split once and
 * its terms are remembered, as bytes, in tables of fixed size.
 */
import { termsOf } from '../../shared/text/terms.ts';

/** places for remembered runs; half of them are filled at most */
const slots = 2 ** 17;
/** longer runs are rare, seldom repeated, and would fill the tables */
const longestRun = 48;
/** code units of all remembered runs; bytes of their terms */
const keyUnits = 2 ** 20;
const valueBytes = 2 ** 21;

/** 1: part of a word or identifier in ASCII. What is not ASCII is looked at by `termsOf`, together with its neighbours. */
const wordCharacter = Uint8Array.from({ length: 128 }, (_, code) =>
  /[A-Za-z0-9_$]/.test(String.fromCharCode(code)) ? 1 : 0,
);

/** Reusable; holds no text between calls but the words that it has seen. */
export class TermText {
  readonly #hashes = new Int32Array(slots);
  /** where a run stands among the keys, and its terms among the values; length 0: the slot is free */
  readonly #keyStart = new Int32Array(slots);
  readonly #keyLength = new Uint8Array(slots);
  readonly #valueStart = new Int32Array(slots);
  readonly #valueLength = new Uint16Array(slots);
  readonly #keys = new Uint16Array(keyUnits);
  readonly #values = new Uint8Array(valueBytes);
  #remembered = 0;
  #keysUsed = 0;
  #valuesUsed = 0;

  /** the text as code units, and the terms written so far as UTF-8 */
  #units = new Uint16Array(0);
  #written = Buffer.alloc(2 ** 14);
  #length = 0;

  /** @returns all terms of text[start, end) in order, each followed by a space */
  of(text: string, start: number, end: number): string {
    const units = this.#load(text.slice(start, end));
    const count = end - start;
    this.#length = 0;
    for (let at = 0; at < count;) {
      if (!isWord(units[at] as number)) {
        at++;
        continue;
      }
      const from = at;
      let hash = 0;
      do hash = Math.imul(hash ^ (units[at] as number), 0x01000193) + 0x9e3779b1;
      while (++at < count && isWord(units[at] as number));
      this.#write(from, at, hash ^ (hash >>> 15));
    }
    return this.#written.toString('utf8', 0, this.#length);
  }

  #load(text: string): Uint16Array {
    if (this.#units.length < text.length) this.#units = new Uint16Array(2 * text.length);
    const { buffer, byteOffset } = this.#units;
    Buffer.from(buffer, byteOffset, 2 * text.length).write(text, 'utf16le');
    return this.#units;
  }

  /** the terms of the run units[from, to) */
  #write(from: number, to: number, hash: number): void {
    const length = to - from;
    if (length > longestRun) {
      this.#append(this.#split(from, to), 0);
      return;
    }
    let slot = hash & (slots - 1);
    for (; this.#keyLength[slot] !== 0; slot = (slot + 1) & (slots - 1))
      if (this.#hashes[slot] === hash && this.#isKey(slot, from, length)) {
        this.#append(this.#values, this.#valueStart[slot] as number, this.#valueLength[slot] as number);
        return;
      }
    const terms = this.#split(from, to);
    this.#append(terms, 0);
    this.#remember(from, length, hash, terms);
  }

  #isKey(slot: number, from: number, length: number): boolean {
    if (this.#keyLength[slot] !== length) return false;
    const start = this.#keyStart[slot] as number;
    for (let at = 0; at < length; at++) if (this.#keys[start + at] !== this.#units[from + at]) return false;
    return true;
  }

  #split(from: number, to: number): Buffer {
    const { buffer, byteOffset } = this.#units;
    const run = Buffer.from(buffer, byteOffset + 2 * from, 2 * (to - from)).toString('utf16le');
    let joined = '';
    for (const { text } of termsOf(run)) joined += `${text} `;
    return Buffer.from(joined);
  }

  /** When a table is full all is forgotten: what is used is soon there again. */
  #remember(from: number, length: number, hash: number, terms: Buffer): void {
    const isFull =
      this.#remembered >= slots / 2 ||
      this.#keysUsed + length > keyUnits ||
      this.#valuesUsed + terms.length > valueBytes;
    if (isFull) {
      this.#keyLength.fill(0);
      this.#remembered = this.#keysUsed = this.#valuesUsed = 0;
    }
    let slot = hash & (slots - 1);
    while (this.#keyLength[slot] !== 0) slot = (slot + 1) & (slots - 1);
    this.#hashes[slot] = hash;
    this.#keyStart[slot] = this.#keysUsed;
    this.#keyLength[slot] = length;
    this.#valueStart[slot] = this.#valuesUsed;
    this.#valueLength[slot] = terms.length;
    this.#keys.set(this.#units.subarray(from, from + length), this.#keysUsed);
    this.#values.set(terms, this.#valuesUsed);
    this.#keysUsed += length;
    this.#valuesUsed += terms.length;
    this.#remembered++;
  }

  #append(bytes: Uint8Array, start: number, length = bytes.length): void {
    if (this.#length + length > this.#written.length) this.#grow(length);
    const written = this.#written;
    const at = this.#length;
    for (let i = 0; i < length; i++) written[at + i] = bytes[start + i] as number;
    this.#length = at + length;
  }

  #grow(wanted: number): void {
    const larger = Buffer.alloc(2 * (this.#length + wanted));
    larger.set(this.#written.subarray(0, this.#length));
    this.#written = larger;
  }
}

function isWord(unit: number): boolean {
  return unit >= 128 || wordCharacter[unit] === 1;
}
