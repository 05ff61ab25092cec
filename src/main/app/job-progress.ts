/** How fast a job goes: a smoothed rate over the last seconds, and what is left at that rate. */
import type { JobStatus } from '../../shared/rpc/index.ts';

type Progress = NonNullable<JobStatus['progress']>;

/** time constant of the smoothing, in seconds */
const SMOOTHING = 10;
/** a shorter stretch says nothing about the rate */
const SHORTEST_STRETCH = 0.2;

export class ProgressMeter {
  #phase = '';
  #rate = 0;
  #done = 0;
  #at = 0;

  /** @param now in seconds */
  add(progress: Progress, now = performance.now() / 1000): Pick<JobStatus, 'rate' | 'secondsLeft'> {
    const { done, total, unit } = progress;
    // a checkpoint is part of the reading, and a scan that knows its total another one than before
    const phase = `${progress.phase === 'checkpoint' ? 'read' : progress.phase} ${unit} ${String(total > 0)}`;
    if (phase !== this.#phase || done < this.#done) {
      this.#phase = phase;
      this.#rate = 0;
      this.#done = done;
      this.#at = now;
    } else if (now - this.#at >= SHORTEST_STRETCH) {
      const seconds = now - this.#at;
      const measured = (done - this.#done) / seconds;
      const share = this.#rate === 0 ? 1 : 1 - Math.exp(-seconds / SMOOTHING);
      this.#rate += (measured - this.#rate) * share;
      this.#done = done;
      this.#at = now;
    }
    const known = total > 0 && this.#rate > 0;
    return { rate: this.#rate, secondsLeft: known ? Math.max(0, total - done) / this.#rate : null };
  }
}
