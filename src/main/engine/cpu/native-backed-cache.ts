/** The engine's view of a cache that the native addon holds. */
import { AppError } from '../../../shared/errors.ts';
import type { CompiledPlan } from '../plan/types.ts';
import type { Cache } from '../runtime.ts';
import type { NativeCache } from './native-contract.ts';

export class NativeBackedCache implements Cache {
  readonly compiled: CompiledPlan;
  readonly #native: NativeCache;
  #inUse = false;

  constructor(compiled: CompiledPlan, native: NativeCache) {
    this.compiled = compiled;
    this.#native = native;
  }

  get position(): number {
    return this.#native.position;
  }

  get bytes(): number {
    return this.#native.bytes;
  }

  get reach(): { readonly exact: number; readonly sparse: number } {
    return this.#native.reach();
  }

  fork(): Cache {
    this.#refuseInUse();
    return new NativeBackedCache(this.compiled, this.#native.fork());
  }

  snapshotBytes(): number {
    return this.#native.snapshotBytes();
  }

  readSnapshot(offset: number, target: Uint8Array): void {
    this.#refuseInUse();
    this.#native.readSnapshot(offset, target);
  }

  writeSnapshot(offset: number, bytes: Uint8Array): void {
    this.#refuseInUse();
    this.#native.writeSnapshot(offset, bytes);
  }

  finishRestore(position: number): void {
    this.#refuseInUse();
    this.#native.finishRestore(position);
  }

  release(): void {
    this.#refuseInUse();
    this.#native.release();
  }

  /** For the flatness bench: rings filled with seeded noise as if `position` tokens had been read. */
  fillSynthetic(position: number, seed: number): void {
    this.#refuseInUse();
    this.#native.fillSynthetic(position, seed);
  }

  /**
   * Lends the native cache to one forward pass: between layers other work runs, and must not see or change a cache
   * whose layers stand at different positions.
   */
  async lend<T>(work: (native: NativeCache) => Promise<T>): Promise<T> {
    this.#refuseInUse();
    this.#inUse = true;
    try {
      return await work(this.#native);
    } finally {
      this.#inUse = false;
    }
  }

  #refuseInUse(): void {
    if (this.#inUse)
      throw new AppError('internal', 'A cache was used while a forward pass was running on it.');
  }
}
