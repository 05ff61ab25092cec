/** places for remembered words; half of them are filled at most */
const slots = 2 ** 17;
/** longer words are rare, seldom repeated, and would fill the tables */
const longestWord = 48;
const keyUnits = 2 ** 20;
const mostIds = 2 ** 19;

/**
 * Ids of words that were seen lately, found by the code units of the word where they stand: no string is made. Tables of
 * fixed size; when one is full all is forgotten, and what is used is soon there again.
 */
export class UnitCache {
  readonly #hashes = new Int32Array(slots);
  readonly #keyStart = new Int32Array(slots);
  /** 0: the slot is free */
  readonly #keyLength = new Uint8Array(slots);
  readonly #idStart = new Int32Array(slots);
  readonly #idCount = new Uint8Array(slots);
  readonly #keys = new Uint16Array(keyUnits);
  /** where `find` points to */
  readonly ids = new Int32Array(mostIds);
  #remembered = 0;
  #keysUsed = 0;
  #idsUsed = 0;

  /** @returns a slot for `first` and `count`; -1: the word is not known */
  find(units: Uint16Array, start: number, end: number): number {
    const length = end - start;
    if (length > longestWord) return -1;
    const hash = hashOf(units, start, end);
    for (let slot = hash & (slots - 1); this.#keyLength[slot] !== 0; slot = (slot + 1) & (slots - 1))
      if (this.#hashes[slot] === hash && this.#isKey(slot, units, start, length)) return slot;
    return -1;
  }

  /** place of a word's first id in `ids` */
  first(slot: number): number {
    return this.#idStart[slot];
  }

  count(slot: number): number {
    return this.#idCount[slot];
  }

  /** @param ids of a word that is not known yet */
  add(units: Uint16Array, start: number, end: number, ids: readonly number[]): void {
    const length = end - start;
    if (length > longestWord || ids.length > 255) return;
    const isFull =
      this.#remembered >= slots / 2 ||
      this.#keysUsed + length > keyUnits ||
      this.#idsUsed + ids.length > mostIds;
    if (isFull) {
      this.#keyLength.fill(0);
      this.#remembered = this.#keysUsed = this.#idsUsed = 0;
    }
    const hash = hashOf(units, start, end);
    let slot = hash & (slots - 1);
    while (this.#keyLength[slot] !== 0) slot = (slot + 1) & (slots - 1);
    this.#hashes[slot] = hash;
    this.#keyStart[slot] = this.#keysUsed;
    this.#keyLength[slot] = length;
    this.#idStart[slot] = this.#idsUsed;
    this.#idCount[slot] = ids.length;
    this.#keys.set(units.subarray(start, end), this.#keysUsed);
    this.ids.set(ids, this.#idsUsed);
    this.#keysUsed += length;
    this.#idsUsed += ids.length;
    this.#remembered++;
  }

  #isKey(slot: number, units: Uint16Array, start: number, length: number): boolean {
    if (this.#keyLength[slot] !== length) return false;
    const key = this.#keyStart[slot];
    for (let at = 0; at < length; at++) if (this.#keys[key + at] !== units[start + at]) return false;
    return true;
  }
}

function hashOf(units: Uint16Array, start: number, end: number): number {
  let hash = 0;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ units[at], 0x01000193) + 0x9e3779b1;
  return hash ^ (hash >>> 15);
}
