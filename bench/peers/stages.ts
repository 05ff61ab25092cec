/**
 * A measurement in stages that can be run in pieces: what a stage has measured is kept in a file, and the next run
 * goes on with the stage after it.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as v from 'valibot';

const kept = v.object({ key: v.string(), stages: v.record(v.string(), v.unknown()) });

export interface StageLimits {
  /** s; no stage begins later than this after the start */
  readonly begin: number;
  /** s; a stage that takes longer is given up, and begins anew with the next run */
  readonly stage: number;
}

/** Thrown when the time is over; what was measured is kept. */
export class TimeOver extends Error {}

export class Stages {
  readonly #file: string;
  readonly #key: string;
  readonly #limits: StageLimits;
  readonly #done: Record<string, unknown>;
  readonly #start = performance.now();

  /**
   * @param key what the measurement depends on (machine, commit, options): stages of another key are not taken over
   */
  constructor(file: string, key: string, limits: StageLimits) {
    this.#file = file;
    this.#key = key;
    this.#limits = limits;
    this.#done = stagesOf(file, key);
  }

  /**
   * The result of a stage: measured now, or by an earlier run.
   * @param work ends early when the signal says so
   * @throws TimeOver when it may not begin any more; Error when it takes too long
   */
  async run<T>(name: string, schema: v.GenericSchema<unknown, T>, work: Work<T>): Promise<T> {
    if (name in this.#done) return v.parse(schema, this.#done[name]);
    const seconds = (performance.now() - this.#start) / 1000;
    if (seconds > this.#limits.begin)
      throw new TimeOver(`${seconds.toFixed(0)} s have passed; the next stage would be: ${name}`);
    const began = performance.now();
    const limit = AbortSignal.timeout(this.#limits.stage * 1000);
    const tooLong = (cause?: unknown): Error =>
      new Error(
        `The stage "${name}" took more than ${this.#limits.stage} s: give it more (--stage-minutes).`,
        {
          cause,
        },
      );
    // what was cut off ends with an error of its own, which says nothing of the time
    const result = await work(limit).catch((error: unknown) => {
      throw limit.aborted ? tooLong(error) : error;
    });
    if (limit.aborted) throw tooLong();
    console.log(`${((performance.now() - began) / 1000).toFixed(0).padStart(4)} s  ${name}`);
    this.#done[name] = result;
    writeFileSync(this.#file, JSON.stringify({ key: this.#key, stages: this.#done }));
    return result;
  }

  /** All is measured and reported: the next run begins anew. */
  finish(): void {
    rmSync(this.#file, { force: true });
  }
}

export type Work<T> = (signal: AbortSignal) => Promise<T>;

function stagesOf(file: string, key: string): Record<string, unknown> {
  if (!existsSync(file)) return {};
  const found = v.safeParse(kept, JSON.parse(readFileSync(file, 'utf8')));
  return found.success && found.output.key === key ? found.output.stages : {};
}
