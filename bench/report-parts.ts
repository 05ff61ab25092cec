/** What the tables of docs/benchmarks.md share. */
import * as v from 'valibot';

/** a mean with its 95 % bootstrap interval */
export const interval = v.object({ mean: v.number(), low: v.number(), high: v.number() });

/** where and when a result was measured */
export const measured = v.object({
  commit: v.string(),
  date: v.string(),
  cpu: v.string(),
  cores: v.number(),
  memoryGB: v.number(),
});

export function conditions({ commit, date, cpu, cores, memoryGB }: v.InferOutput<typeof measured>): string {
  return `Measured ${date.slice(0, 10)} at ${commit} on ${cpu}, ${cores} cores, ${memoryGB} GB.`;
}

export function count(value: number): string {
  return value.toLocaleString('en-US');
}
