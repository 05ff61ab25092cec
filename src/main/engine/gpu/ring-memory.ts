/**
 * The rings of one sequence on the device: for each layer a buffer [slot][key | value] as kv-*.wgsl lays them out (keys
 * unrotated, as in a snapshot), and once for all layers the rotation of the key in each slot. Ring i has the slots
 * from base_i on; a ring that no token has reached has none.
 */
import type { CompiledPlan } from '../plan/types.ts';
import type { EntryRange } from '../plan/visibility.ts';
import { ringCapacity } from '../plan/visibility.ts';
import type { Device } from './device.ts';
import type { KvBits } from './kernels/index.ts';
import type { RingSlots } from './step.ts';
import { kvEntryBytes, kvNoise, turnWords } from './kv-words.ts';

const leastSlots = 16;

/** How keys and values are kept. */
export interface KvLayout {
  readonly headDim: number;
  readonly bits: KvBits;
}

/** A piece of a layer's buffer, in bytes. */
export interface Piece {
  readonly offset: number;
  readonly bytes: number;
}

export class RingMemory {
  readonly slots: RingSlots;
  readonly layers: readonly GPUBuffer[];
  readonly keyTurns: GPUBuffer;
  readonly #device: Device;
  readonly #kv: KvLayout;
  readonly #entryBytes: number;
  readonly #turnBytes: number;

  constructor(device: Device, kv: KvLayout, layers: number, capacities: readonly number[]) {
    this.#device = device;
    this.#kv = kv;
    this.#turnBytes = kv.headDim * (kv.bits === 32 ? 4 : 2);
    this.#entryBytes = kvEntryBytes(kv);
    let total = 0;
    const bases = capacities.map((capacity) => {
      const base = total;
      total += capacity;
      return base;
    });
    this.slots = { bases, capacities, total };
    const taken: GPUBuffer[] = [];
    const take = (bytes: number, what: string): GPUBuffer => {
      const buffer = device.storage(bytes, what);
      taken.push(buffer);
      return buffer;
    };
    try {
      this.keyTurns = take(total * this.#turnBytes, 'Rotations of the keys');
      const bytes = total * this.#entryBytes;
      this.layers = Array.from({ length: layers }, () => take(bytes, 'Keys and values of a layer'));
    } catch (error) {
      for (const buffer of taken) device.discard(buffer);
      throw error;
    }
  }

  get bytes(): number {
    return this.slots.total * (this.layers.length * this.#entryBytes + this.#turnBytes);
  }

  /** The same contents with room for all entries below `ends`, or the ring's limit; `null` where there is room. */
  grown(compiled: CompiledPlan, ends: readonly number[], roundRows: number): RingMemory | null {
    const { capacities } = this.slots;
    const needed = capacities.map((capacity, i) => {
      const limit = ringCapacity(compiled.rings[i], roundRows);
      if (ends[i] <= capacity || capacity === limit) return capacity;
      return Math.min(limit, Math.max(2 * capacity, ends[i], leastSlots));
    });
    if (needed.every((capacity, i) => capacity === capacities[i])) return null;
    const larger = new RingMemory(this.#device, this.#kv, this.layers.length, needed);
    this.#copyTo(larger);
    return larger;
  }

  copy(): RingMemory {
    const copy = new RingMemory(this.#device, this.#kv, this.layers.length, this.slots.capacities);
    this.#copyTo(copy);
    return copy;
  }

  /** Below a ring's limit nothing has wrapped yet: slots keep their order. */
  #copyTo(other: RingMemory): void {
    const encoder = this.#device.gpu.createCommandEncoder();
    for (const [i, count] of this.slots.capacities.entries()) {
      if (count === 0) continue;
      const from = this.slots.bases[i];
      const to = other.slots.bases[i];
      const move = (source: GPUBuffer, target: GPUBuffer, bytes: number): void => {
        encoder.copyBufferToBuffer(source, from * bytes, target, to * bytes, count * bytes);
      };
      this.layers.forEach((layer, l) => {
        move(layer, other.layers[l], this.#entryBytes);
      });
      move(this.keyTurns, other.keyTurns, this.#turnBytes);
    }
    this.#device.gpu.queue.submit([encoder.finish()]);
  }

  /** Entries of a layer in their order: ring by ring. */
  pieces(entries: readonly EntryRange[]): readonly Piece[] {
    return this.#runs(entries).map(({ slot, count }) => ({
      offset: slot * this.#entryBytes,
      bytes: count * this.#entryBytes,
    }));
  }

  /** A key, its value, and its rotation. */
  get bytesPerKeyRead(): number {
    return this.#entryBytes + this.#turnBytes;
  }

  /** @param turns f32 [entries of all rings in order][pairs][cos, sin] */
  writeKeyTurns(held: readonly EntryRange[], turns: Float32Array<ArrayBuffer>): void {
    const words = turnWords(turns, this.#kv.bits);
    let at = 0;
    for (const { slot, count } of this.#runs(held)) {
      const bytes = count * this.#turnBytes;
      this.#device.gpu.queue.writeBuffer(this.keyTurns, slot * this.#turnBytes, words, at, bytes);
      at += bytes;
    }
  }

  /** Fills all layers with small random numbers. */
  writeNoise(seed: number): void {
    const words = kvNoise(this.#kv, seed, 2 ** 20);
    const total = this.slots.total * this.#entryBytes;
    for (const layer of this.layers) {
      for (let at = 0; at < total; at += words.length) {
        const bytes = Math.min(words.length, total - at);
        this.#device.gpu.queue.writeBuffer(layer, at, words, 0, bytes);
      }
    }
  }

  /** Consecutive slots that hold the entries of `ranges`. */
  #runs(ranges: readonly EntryRange[]): readonly { readonly slot: number; readonly count: number }[] {
    return ranges.flatMap(({ first, end }, i) => {
      const capacity = this.slots.capacities[i];
      const base = this.slots.bases[i];
      const runs: { slot: number; count: number }[] = [];
      for (let entry = first; entry < end;) {
        const slot = entry % capacity;
        const count = Math.min(end - entry, capacity - slot);
        runs.push({ slot: base + slot, count });
        entry += count;
      }
      return runs;
    });
  }

  release(): void {
    for (const layer of this.layers) this.#device.discard(layer);
    this.#device.discard(this.keyTurns);
  }
}
