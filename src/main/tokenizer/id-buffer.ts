/** Ids being collected: an Int32Array that grows. */
export class IdBuffer {
  #ids = new Int32Array(256);
  #length = 0;

  push(id: number): void {
    if (this.#length === this.#ids.length) this.#grow();
    this.#ids[this.#length++] = id;
  }

  pushAll(ids: readonly number[]): void {
    for (let i = 0; i < ids.length; i++) this.push(ids[i]);
  }

  pushFrom(ids: Int32Array, start: number, count: number): void {
    while (this.#length + count > this.#ids.length) this.#grow();
    for (let i = 0; i < count; i++) this.#ids[this.#length + i] = ids[start + i];
    this.#length += count;
  }

  /** a copy of what was collected */
  toArray(): Int32Array {
    return this.#ids.slice(0, this.#length);
  }

  #grow(): void {
    const larger = new Int32Array(this.#ids.length * 2);
    larger.set(this.#ids);
    this.#ids = larger;
  }
}
