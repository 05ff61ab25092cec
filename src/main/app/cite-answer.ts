/** Citations of an answer from the store: which passages were read, how much their words weigh, what they say exactly. */
import type { Citation, VersionId } from '../../shared/model/index.ts';
import type { Store } from '../store/index.ts';
import type { CitedDocument, ReadPassage } from './citations.ts';
import { cite, verifyCitation, wordsToWeigh } from './citations.ts';
import type { TurnContextPlan } from './turn-context.ts';
import { wordWeights } from './weights.ts';
import { contentWords, questionTerms } from './words.ts';

/** Passages of a library that was read whole which are looked at for citations. */
const CANDIDATES_OF_WHOLE = 32;

/**
 * Verified citations, best first; empty when nothing that was read supports the answer.
 * @param question as it was asked
 */
export async function citeAnswer(
  store: Store,
  context: TurnContextPlan,
  question: string,
  answer: string,
): Promise<Citation[]> {
  const versions = context.contents.flatMap(({ library }) => library.versionId ?? []);
  const passages = await readPassages(store, context, question, answer);
  if (versions.length === 0 || passages.length === 0) return [];
  const documents = await citedDocuments(store, passages);
  const listed = wordsToWeigh(question, answer);
  const { total, counts } = await frequencies(store, versions, listed);
  const found = cite({ question, answer, passages, documents, weight: wordWeights(listed, counts, total) });
  return found.filter((citation) => {
    const source = passages.find(({ path }) => path === citation.path);
    const text = source === undefined ? undefined : documents.get(source.passage.documentHash)?.text;
    return text !== undefined && verifyCitation(citation, text);
  });
}

/** The passages before the question; of a library that was read whole, all that share words with the turn. */
async function readPassages(
  store: Store,
  context: TurnContextPlan,
  question: string,
  answer: string,
): Promise<ReadPassage[]> {
  const read: ReadPassage[] = context.passages.flatMap(({ passages, path }) =>
    passages.map((passage) => ({ passage, path })),
  );
  const version = context.contents[0]?.library.versionId;
  if (context.mode !== 'whole' || version === null || version === undefined) return read;
  const { words, identifiers } = questionTerms(question);
  const query = { words: [...words, ...contentWords(answer)], identifiers };
  const hits = await store.searchPassages(version, query, CANDIDATES_OF_WHOLE);
  return [...read, ...hits.map(({ passage, path }) => ({ passage, path }))];
}

async function citedDocuments(
  store: Store,
  passages: readonly ReadPassage[],
): Promise<ReadonlyMap<string, CitedDocument>> {
  const hashes = new Set(passages.map(({ passage }) => passage.documentHash));
  const documents = new Map<string, CitedDocument>();
  for (const hash of hashes) {
    const document = await store.document(hash);
    if (document !== null) documents.set(hash, document);
  }
  return documents;
}

/** Added up over the libraries of the turn. */
async function frequencies(
  store: Store,
  versions: readonly VersionId[],
  words: readonly string[],
): Promise<{ total: number; counts: number[] }> {
  const counts = words.map(() => 0);
  let total = 0;
  for (const version of versions) {
    const found = await store.documentFrequencies(version, words);
    total += found.total;
    found.counts.forEach((count, i) => (counts[i] = (counts[i] ?? 0) + count));
  }
  return { total, counts };
}
