import { createHash, type Hash } from 'node:crypto';

/**
 * The token ids a state has read, with their running SHA-256: what a state is called by. The hash is over the
 * ids as little-endian 32-bit integers.
 */
export class TokenHistory {
  #ids: Int32Array<ArrayBuffer>;
  #length: number;
  readonly #hash: Hash;

  constructor(ids: Int32Array = new Int32Array(0)) {
    this.#ids = new Int32Array(Math.max(256, ids.length));
    this.#length = 0;
    this.#hash = createHash('sha256');
    this.append(ids);
  }

  /** number of ids read = position of the next token */
  get length(): number {
    return this.#length;
  }

  append(ids: Int32Array): void {
    const needed = this.#length + ids.length;
    if (needed > this.#ids.length) {
      const larger = new Int32Array(Math.max(needed, Math.ceil(this.#ids.length * 1.5)));
      larger.set(this.#ids.subarray(0, this.#length));
      this.#ids = larger;
    }
    this.#ids.set(ids, this.#length);
    this.#length = needed;
    this.#hash.update(littleEndianBytes(ids));
  }

  /** all ids; a view that is valid until the next append */
  ids(): Int32Array {
    return this.#ids.subarray(0, this.#length);
  }

  /** lower-case hex SHA-256 of all ids */
  digest(): string {
    return this.#hash.copy().digest('hex');
  }

  copy(): TokenHistory {
    return new TokenHistory(this.ids());
  }
}

/**
 * SHA-256 of ids[0, position) for each of the positions, in one pass.
 * @param positions ascending, each <= ids.length
 */
export function prefixDigests(ids: Int32Array, positions: readonly number[]): string[] {
  const hash = createHash('sha256');
  let hashed = 0;
  return positions.map((position) => {
    hash.update(littleEndianBytes(ids.subarray(hashed, position)));
    hashed = position;
    return hash.copy().digest('hex');
  });
}

/** Every platform that Node 26 and our binaries support is little-endian, so this is a view, not a copy. */
function littleEndianBytes(ids: Int32Array): Uint8Array {
  return new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength);
}
