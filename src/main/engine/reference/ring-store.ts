/**
 * Keys (unrotated) and values of one ring in one layer: entry m lies in slot m mod capacity. Grows by doubling up to
 * `limit` entries; below that nothing has wrapped yet.
 */
export class RingStore {
  readonly #headDim: number;
  readonly #limit: number;
  #capacity = 0;
  #keys = new Float32Array(0);
  #values = new Float32Array(0);

  /** @param limit entries that must fit at once; Infinity: never wraps */
  constructor(headDim: number, limit: number) {
    this.#headDim = headDim;
    this.#limit = limit;
  }

  get capacity(): number {
    return this.#capacity;
  }

  /** bytes of one key or one value */
  get rowBytes(): number {
    return this.#headDim * Float32Array.BYTES_PER_ELEMENT;
  }

  get bytes(): number {
    return this.#keys.byteLength + this.#values.byteLength;
  }

  /** f32 [capacity][headDim] */
  get keys(): Float32Array {
    return this.#keys;
  }

  /** f32 [capacity][headDim] */
  get values(): Float32Array {
    return this.#values;
  }

  slot(entry: number): number {
    return entry % this.#capacity;
  }

  /** Makes room for all entries below `end`, or for the ring's limit. */
  reserve(end: number): void {
    if (end <= this.#capacity || this.#capacity === this.#limit) return;
    this.#capacity = Math.min(this.#limit, Math.max(2 * this.#capacity, end, 16));
    this.#keys = grown(this.#keys, this.#capacity * this.#headDim);
    this.#values = grown(this.#values, this.#capacity * this.#headDim);
  }

  /** Copies one key and one value from `start` of the given arrays. */
  write(entry: number, keys: Float32Array, values: Float32Array, start: number): void {
    const target = this.slot(entry) * this.#headDim;
    this.#keys.set(keys.subarray(start, start + this.#headDim), target);
    this.#values.set(values.subarray(start, start + this.#headDim), target);
  }

  copy(): RingStore {
    const copy = new RingStore(this.#headDim, this.#limit);
    copy.#capacity = this.#capacity;
    copy.#keys = this.#keys.slice();
    copy.#values = this.#values.slice();
    return copy;
  }
}

function grown(array: Float32Array, length: number): Float32Array<ArrayBuffer> {
  const larger = new Float32Array(length);
  larger.set(array);
  return larger;
}
