/** The needle glides between reports of reading: linear, a second at most, ten steps a second. */
const STEP_MS = 100;
const LONGEST_MS = 1_000;

export class Needle {
  /** token; null = there is none */
  at = $state<number | null>(null);
  #timer: ReturnType<typeof setInterval> | undefined;
  #lastUpdate = 0;

  /** @param now ms, of a clock that does not jump */
  moveTo(target: number | null, now: number): void {
    clearInterval(this.#timer);
    const start = this.at;
    const duration = Math.min(LONGEST_MS, now - this.#lastUpdate);
    this.#lastUpdate = now;
    const still = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
    if (start === null || target === null || still || duration < 2 * STEP_MS || start === target) {
      this.at = target;
      return;
    }
    let step = 0;
    const steps = Math.floor(duration / STEP_MS);
    this.#timer = setInterval(() => {
      step += 1;
      this.at = start + ((target - start) * step) / steps;
      if (step >= steps) this.stop();
    }, STEP_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
