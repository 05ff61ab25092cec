/**
 * A cache without a model, for tests of storage: its snapshot is 16 bytes for each token, a function of the ids,
 * and like a real one's it does not depend on how the tokens came in.
 */
import type { Cache } from '../runtime.ts';
import { compilePlan } from '../plan/compile.ts';
import { TokenHistory } from '../token-history.ts';
import { tinyPlan } from './tiny-engine.ts';

const BYTES_PER_TOKEN = 16;
const geometry = { heads: 6, kvHeads: 2, headDim: 32, trainedLength: 256 };

export class TapeCache implements Cache {
  readonly compiled = compilePlan(tinyPlan(), geometry);
  readonly reach = { exact: 0, sparse: 0 };
  #tape: Uint8Array;
  position: number;
  isReleased = false;

  constructor(ids: Int32Array = new Int32Array(0)) {
    this.position = ids.length;
    this.#tape = new Uint8Array(ids.length * BYTES_PER_TOKEN);
    ids.forEach((id, index) => {
      for (let byte = 0; byte < BYTES_PER_TOKEN; byte++)
        this.#tape[index * BYTES_PER_TOKEN + byte] = (id * 31 + index * 7 + byte * 13) & 0xff;
    });
  }

  get bytes(): number {
    return this.#tape.length;
  }

  fork(): TapeCache {
    const copy = new TapeCache();
    copy.#tape = this.#tape.slice();
    copy.position = this.position;
    return copy;
  }

  snapshotBytes(): number {
    return this.#tape.length;
  }

  readSnapshot(offset: number, target: Uint8Array): void {
    target.set(this.#tape.subarray(offset, offset + target.length));
  }

  writeSnapshot(offset: number, bytes: Uint8Array): void {
    const longer = new Uint8Array(offset + bytes.length);
    longer.set(this.#tape);
    longer.set(bytes, offset);
    this.#tape = longer;
  }

  finishRestore(position: number): void {
    this.position = position;
  }

  release(): void {
    this.isReleased = true;
  }

  /** all snapshot bytes, for comparison */
  tape(): Uint8Array {
    return this.#tape.slice();
  }
}

/** What the store saves: a state that has read ids. */
export function tapeState(ids: Int32Array): {
  cache: TapeCache;
  history: TokenHistory;
  logits: Float32Array | null;
} {
  return {
    cache: new TapeCache(ids),
    history: new TokenHistory(ids),
    logits: Float32Array.of(ids.length, 0.5),
  };
}
