/** The question-passage pairs of this folder, checked as they are read. */
import { readFile } from 'node:fs/promises';
import * as v from 'valibot';

const question = v.pipe(v.string(), v.minLength(10));

const pairSet = v.variant('corpus', [
  v.object({
    corpus: v.literal('moby'),
    note: v.string(),
    /** `holds`: words of the right passage, white space folded */
    pairs: v.array(v.object({ question, holds: v.string() })),
  }),
  v.object({
    corpus: v.literal('code'),
    note: v.string(),
    /** path below the package, and the function that the right passage defines */
    pairs: v.array(v.object({ question, path: v.string(), defines: v.string() })),
  }),
]);

export type PairSet = v.InferOutput<typeof pairSet>;
export type Pair = PairSet['pairs'][number];
export type Corpus = PairSet['corpus'];

export async function readPairs(corpus: Corpus): Promise<PairSet> {
  const text = await readFile(new URL(`./${corpus}.json`, import.meta.url), 'utf8');
  return v.parse(pairSet, JSON.parse(text));
}

export interface Candidate {
  readonly path: string;
  readonly text: string;
  readonly defines: readonly string[];
}

/** Whether a passage is the one that the question was written for. */
export function isRight(pair: Pair, { path, text, defines }: Candidate): boolean {
  if ('holds' in pair) return text.replace(/\s+/g, ' ').includes(pair.holds);
  return path.endsWith(pair.path) && defines.includes(pair.defines);
}
