/** How passages are found, as tables of docs/benchmarks.md. */
import * as v from 'valibot';
import { conditions, count, interval, measured } from '../report-parts.ts';

const found = v.object({
  pairs: v.number(),
  found: v.number(),
  share: interval,
  halves: v.tuple([v.number(), v.number()]),
  medianMs: v.number(),
});
const bothWays = v.object({ words: found, withMeaning: found });
const corpus = v.object({ ...bothWays.entries, passages: v.number(), embeddingSeconds: v.number() });
const retrievalSchema = v.object({
  environment: measured,
  top: v.number(),
  moby: corpus,
  code: corpus,
  both: bothWays,
});
const nearestSchema = v.object({
  environment: measured,
  passages: v.number(),
  medianMs: v.number(),
  p95Ms: v.number(),
  /** programs that wanted a core meanwhile */
  load: v.number(),
});

export function retrievalTable(json: unknown): string[] {
  const { moby, code, both, environment, top } = v.parse(retrievalSchema, json);
  const share = ({ share: { low, high }, ...one }: v.InferOutput<typeof found>): string =>
    `${one.found} of ${one.pairs} (${one.halves.join(' + ')}) [${(100 * low).toFixed(0)}, ${(100 * high).toFixed(0)}] %`;
  const rows = { 'Moby-Dick': moby, 'source code (eslint)': code, both };
  return [
    `| the right passage among the first ${top} | by words | by words and meaning | ms a question, median |`,
    '|---|---|---|---|',
    ...Object.entries(rows).map(
      ([name, { words: alone, withMeaning }]) =>
        `| ${name} | ${share(alone)} | ${share(withMeaning)} | ${alone.medianMs}; ${withMeaning.medianMs} |`,
    ),
    '',
    `In round brackets: the half of the pairs that the weights were chosen on, and the other half; in square brackets: 95 % bootstrap intervals. Points for ${count(moby.passages)} passages of prose took ${moby.embeddingSeconds} s, for ${count(code.passages)} of code ${code.embeddingSeconds} s. ${conditions(environment)}`,
  ];
}

export function nearestTable(json: unknown): string[] {
  const { passages, medianMs, p95Ms, load, environment } = v.parse(nearestSchema, json);
  return [
    `The 48 nearest of ${count(passages)} points (the most that a library has) take ${medianMs} ms, p95 ${p95Ms} ms, while ${load} programs wanted a core. ${conditions(environment)}`,
  ];
}
