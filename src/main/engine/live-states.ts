/**
 * The states in memory. Some are held (a caller has a handle and may change them), the others are kept as
 * cache, least recently used out first, while all together stay within a limit.
 */
import { AppError } from '../../shared/errors.ts';
import type { StateHandle } from './engine.ts';
import type { Cache } from './runtime.ts';
import { prefixDigests, type TokenHistory } from './token-history.ts';

export interface LiveState {
  /** model, plan, variant and numerics version as one hash: states of different identity never mix */
  readonly identity: string;
  readonly cache: Cache;
  readonly history: TokenHistory;
  /** logits of the last position, f32 [vocabulary]; null when they are not known (nothing was read, or scored) */
  logits: Float32Array | null;
}

interface Slot {
  readonly state: LiveState;
  handle: StateHandle | null;
  /** a request is changing or saving it */
  busy: boolean;
  /** released while busy: becomes cache afterwards */
  releaseLater: boolean;
  usedAt: number;
}

export class LiveStates {
  readonly #slots = new Set<Slot>();
  readonly #maxBytes: number;
  #nextHandle = 1;
  #clock = 0;

  /** @param maxBytes limit of all caches together; a single held state may exceed it */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** memory of all live states' caches, bytes */
  get bytes(): number {
    let sum = 0;
    for (const { state } of this.#slots) sum += state.cache.bytes;
    return sum;
  }

  get count(): number {
    return this.#slots.size;
  }

  /** @throws AppError 'not-found' for a handle that was released or never given */
  get(handle: StateHandle): LiveState {
    return this.#slotOf(handle).state;
  }

  /** The state that holds the longest prefix of ids, or null. */
  longestPrefix(identity: string, ids: Int32Array): LiveState | null {
    const candidates = [...this.#slots]
      .map((slot) => slot.state)
      .filter((state) => state.identity === identity && isOffered(state, ids))
      .sort((a, b) => a.history.length - b.history.length);
    const digests = prefixDigests(
      ids,
      candidates.map((state) => state.history.length),
    );
    return candidates.findLast((state, index) => state.history.digest() === digests[index]) ?? null;
  }

  /**
   * Takes a new state in and holds it.
   * @throws AppError 'busy' when held states leave no room for it; its cache is freed then
   */
  hold(state: LiveState): StateHandle {
    try {
      this.#makeRoom(state.cache.bytes);
    } catch (error) {
      state.cache.release();
      throw error;
    }
    return this.#hold(newSlot(state));
  }

  /**
   * A handle on what `state` holds: on a copy while somebody holds it or memory allows to keep both, else on the
   * state itself.
   */
  branch(state: LiveState): StateHandle {
    const slot = this.#slotWith(state);
    slot.usedAt = ++this.#clock;
    const free = slot.handle === null && !slot.busy;
    if (free && this.bytes + state.cache.bytes > this.#maxBytes) return this.#hold(slot);
    this.#makeRoom(state.cache.bytes);
    return this.#hold(newSlot(copyOf(state)));
  }

  /** Runs `task`, which changes or saves the state, alone. @throws AppError 'conflict' when another one does */
  async exclusive<T>(handle: StateHandle, task: (state: LiveState) => Promise<T>): Promise<T> {
    const slot = this.#slotOf(handle);
    if (slot.busy)
      throw new AppError(
        'conflict',
        'This state is being read or saved by another request.',
        'Fork it, or wait for that request.',
      );
    slot.busy = true;
    slot.usedAt = ++this.#clock;
    try {
      return await task(slot.state);
    } finally {
      slot.busy = false;
      if (slot.releaseLater) this.#toCache(slot);
      this.#evict(0);
    }
  }

  /** The state stays as cache until room is needed. Releasing twice is harmless. */
  release(handle: StateHandle): void {
    const slot = [...this.#slots].find((candidate) => candidate.handle === handle);
    if (slot === undefined) return;
    if (slot.busy) slot.releaseLater = true;
    else this.#toCache(slot);
    this.#evict(0);
  }

  /** Frees everything. */
  clear(): void {
    for (const slot of this.#slots) slot.state.cache.release();
    this.#slots.clear();
  }

  #hold(slot: Slot): StateHandle {
    slot.handle = this.#nextHandle++;
    slot.usedAt = ++this.#clock;
    this.#slots.add(slot);
    return slot.handle;
  }

  #toCache(slot: Slot): void {
    slot.handle = null;
    slot.releaseLater = false;
    const twin = [...this.#slots].find(
      (other) => other !== slot && other.handle === null && !other.busy && isSame(other.state, slot.state),
    );
    if (twin !== undefined || slot.state.history.length === 0) this.#drop(slot);
  }

  #makeRoom(bytes: number): void {
    this.#evict(bytes);
    if (this.#slots.size > 0 && this.bytes + bytes > this.#maxBytes)
      throw new AppError(
        'busy',
        `The open states take ${megabytes(this.bytes)} MB; one more would exceed ${megabytes(this.#maxBytes)} MB.`,
        'Wait for an answer to finish, or raise state.maxMemoryMB.',
        { details: { held: this.bytes, needed: bytes, limit: this.#maxBytes } },
      );
  }

  /** Drops least recently used cached states until `bytes` more would fit, or none is left. */
  #evict(bytes: number): void {
    const cached = [...this.#slots]
      .filter((slot) => slot.handle === null && !slot.busy)
      .sort((a, b) => a.usedAt - b.usedAt);
    for (const slot of cached) {
      if (this.bytes + bytes <= this.#maxBytes) return;
      this.#drop(slot);
    }
  }

  #drop(slot: Slot): void {
    this.#slots.delete(slot);
    slot.state.cache.release();
  }

  #slotOf(handle: StateHandle): Slot {
    for (const slot of this.#slots) if (slot.handle === handle && !slot.releaseLater) return slot;
    throw new AppError('not-found', `No live state has the handle ${handle}.`, 'Open its token ids again.');
  }

  #slotWith(state: LiveState): Slot {
    for (const slot of this.#slots) if (slot.state === state) return slot;
    throw new AppError('internal', 'A live state left the table while it was in use.');
  }
}

function newSlot(state: LiveState): Slot {
  return { state, handle: null, busy: false, releaseLater: false, usedAt: 0 };
}

function isOffered(state: LiveState, ids: Int32Array): boolean {
  return state.history.length > 0 && state.history.length <= ids.length;
}

function isSame(a: LiveState, b: LiveState): boolean {
  return (
    a.identity === b.identity &&
    a.history.length === b.history.length &&
    a.history.digest() === b.history.digest()
  );
}

function copyOf(state: LiveState): LiveState {
  return {
    identity: state.identity,
    cache: state.cache.fork(),
    history: state.history.copy(),
    logits: state.logits,
  };
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1e6);
}
