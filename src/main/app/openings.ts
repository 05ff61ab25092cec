/**
 * "What is this about?" has no word to look for. Such a question is answered from how the documents begin: that is where
 * titles, prefaces and the README's first lines stand.
 */
import type { ContentHash } from '../../shared/model/index.ts';
import type { PassageHit, Store } from '../store/index.ts';
import type { QuestionTerms } from './words.ts';

export interface Opening {
  readonly hash: ContentHash;
  readonly path: string;
}

/** Words of questions about the whole; beside them nothing is asked for. */
const ABOUT_THE_WHOLE = new Set(
  `about begin book books code codebase collection contain contains content contents describe document documents explain
  file files folder give introduction library main overview passage project read short start subject summaries summarise
  summarize summary tell text texts topic topics whole`.split(/\s+/),
);
const ABOUT_THE_WHOLE_JAPANESE = /何について|どんな(?:内容|本)|要約|概要|どこから読/;

/** Whether a question names nothing that could be looked for. */
export function asksAboutTheWhole(question: string, { words, identifiers, quoted }: QuestionTerms): boolean {
  if (identifiers.length + quoted.length > 0) return false;
  return ABOUT_THE_WHOLE_JAPANESE.test(question) || words.every((word) => ABOUT_THE_WHOLE.has(word));
}

/**
 * The first passages of the first documents in reading order, README files before all others; of fewer documents more
 * of each.
 * @param limit at most so many passages
 */
export async function openingPassages(
  index: Pick<Store, 'passagesAround'>,
  documents: readonly Opening[],
  limit: number,
): Promise<PassageHit[]> {
  const chosen = [...documents.filter(isReadme), ...documents.filter((one) => !isReadme(one))].slice(
    0,
    limit,
  );
  const each = Math.max(1, Math.floor(limit / Math.max(1, chosen.length)));
  const hits: PassageHit[] = [];
  for (const { hash, path } of chosen)
    for (const { passage, text } of await index.passagesAround(hash, 0, each - 1))
      hits.push({ passage, path, text, score: 0 });
  return hits;
}

function isReadme({ path }: Opening): boolean {
  return /(?:^|\/)readme(?:\.[a-z]+)?$/i.test(path);
}
