/**
 * Reading takes the engine for hours: one library after the other, and none while the machine runs on battery or is
 * about to sleep. Whoever reads is stopped at once then, keeps what was read, and goes on from there by itself.
 */
import { Locks, untilAborted } from './locks.ts';

export type HoldReason = 'battery' | 'asleep';
/** 'waiting': another library is being read; a reason: nothing is read until it is gone */
export type ReadingTurn = 'waiting' | 'reading' | HoldReason;

const ENGINE = 'engine';

export class ReadingGate {
  readonly #turns = new Locks();
  readonly #reasons = new Set<HoldReason>();
  /** fires at the next hold */
  #held = new AbortController();
  /** resolves at the next change of the reasons */
  #changed = Promise.withResolvers<undefined>();

  /** Stops whoever reads, and lets nobody begin, until `release` was called for each reason. */
  hold(reason: HoldReason): void {
    this.#reasons.add(reason);
    this.#held.abort();
    this.#tell();
  }

  release(reason: HoldReason): void {
    if (!this.#reasons.delete(reason)) return;
    if (this.#reasons.size === 0) this.#held = new AbortController();
    this.#tell();
  }

  /**
   * Runs `work` when it is this one's turn, and once more after each hold: it must go on from what it has kept.
   * @param onTurn told what it is waiting for, and when it reads
   * @throws what `work` throws, or the reason of `signal`
   */
  async read<T>(
    work: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
    onTurn: (turn: ReadingTurn) => void,
  ): Promise<T> {
    if (this.#turns.isTaken(ENGINE)) onTurn('waiting');
    return this.#turns.run(ENGINE, signal, async () => {
      for (;;) {
        await this.#open(signal, onTurn);
        onTurn('reading');
        const held = this.#held.signal;
        try {
          return await work(AbortSignal.any([signal, held]));
        } catch (error) {
          if (signal.aborted || !held.aborted) throw error;
        }
      }
    });
  }

  async #open(signal: AbortSignal, onTurn: (turn: ReadingTurn) => void): Promise<void> {
    for (let [reason] = this.#reasons; reason !== undefined; [reason] = this.#reasons) {
      onTurn(reason);
      await untilAborted(this.#changed.promise, signal);
    }
  }

  #tell(): void {
    this.#changed.resolve(undefined);
    this.#changed = Promise.withResolvers();
  }
}
