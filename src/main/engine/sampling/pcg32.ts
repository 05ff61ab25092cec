/**
 * PCG32 (XSH-RR 64/32; O'Neill 2014, pcg-random.org, `pcg32_random_r`): small, well tested, the same on every
 * machine. A seed and the number of draws determine an answer.
 */
const multiplier = 6364136223846793005n;
const mask64 = (1n << 64n) - 1n;

export class Pcg32 {
  readonly #increment: bigint;
  #state: bigint;

  /**
   * @param seed any whole number
   * @param sequence selects one of 2^63 streams
   */
  constructor(seed: number, sequence = 0) {
    this.#increment = ((BigInt(sequence) << 1n) | 1n) & mask64;
    this.#state = 0n;
    this.nextUint32();
    this.#state = (this.#state + BigInt(seed)) & mask64;
    this.nextUint32();
  }

  nextUint32(): number {
    const old = this.#state;
    this.#state = (old * multiplier + this.#increment) & mask64;
    const xorShifted = Number((((old >> 18n) ^ old) >> 27n) & 0xffffffffn);
    const rotation = Number(old >> 59n);
    return ((xorShifted >>> rotation) | (xorShifted << (-rotation & 31))) >>> 0;
  }

  /** uniform in [0, 1), 53 bits */
  nextUniform(): number {
    const high = this.nextUint32() >>> 5;
    const low = this.nextUint32() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }
}
