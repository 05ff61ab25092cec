/** Citations of an answer from the store: which passages were read, how much their words weigh, what they say exactly. */
import type { Citation, ContentHash, VersionId } from '../../shared/model/index.ts';
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
  const stretches = await stretchesOf(store, passages);
  const listed = wordsToWeigh(question, answer);
  const { total, counts } = await frequencies(store, versions, listed);
  const weight = wordWeights(listed, counts, total);
  const found = cite({ question, answer, ...stretches, weight });
  const verified = await Promise.all(
    found.map(async (citation) => {
      const source = passages.find(({ path }) => path === citation.path);
      if (source === undefined) return [];
      const { documentHash } = source.passage;
      const text = await store.documentText(documentHash, citation.start, citation.end);
      return verifyCitation(citation, text) ? [citation] : [];
    }),
  );
  return verified.flat();
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

/** Each passage with the stored text that it is: of documents of any length, only that is read. */
async function stretchesOf(
  store: Store,
  passages: readonly ReadPassage[],
): Promise<{ passages: readonly ReadPassage[]; documents: ReadonlyMap<string, CitedDocument> }> {
  const documents = new Map<string, CitedDocument>();
  const moved: ReadPassage[] = [];
  for (const { passage, path } of passages) {
    const { documentHash: hash, start, end } = passage;
    const key = `${hash} ${String(passage.index)}` as ContentHash;
    const head = documents.has(key) ? null : await store.documentHead(hash);
    if (head !== null) {
      const text = await store.documentText(hash, start, end);
      // the passage's first line is that of its first word
      const before = text.slice(0, text.length - text.trimStart().length).split('\n').length - 1;
      documents.set(key, { text, ...head, place: { start, line: passage.lineStart - before } });
    }
    if (documents.has(key))
      moved.push({ path, passage: { ...passage, documentHash: key, start: 0, end: end - start } });
  }
  return { passages: moved, documents };
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
