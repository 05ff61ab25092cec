/**
 * Which passages a question is answered from: the best by their words and by what they mean, definitions first where a
 * definition is asked for, neighbours joined, duplicates dropped, within a budget of tokens.
 */
import type { Passage, VersionId } from '../../shared/model/index.ts';
import type { PassageHit, Store } from '../store/index.ts';
import type { AnswerKind } from './answer-kind.ts';
import { answerKind } from './answer-kind.ts';
import type { ChosenPassage } from './chosen-passage.ts';
import { combine } from './combined-rank.ts';
import { asksAboutTheWhole, openingPassages, type Opening } from './openings.ts';
import type { ClosestSentence } from './closest-sentence.ts';
import { closestSentence, neighbourShares } from './closest-sentence.ts';
import { sentences } from './sentences.ts';
import type { WeightedStems } from './weights.ts';
import { weightedStems, wordWeights } from './weights.ts';
import type { QuestionTerms } from './words.ts';
import { questionTerms, subjectWords } from './words.ts';

export interface ChosenPassages {
  /** in descending order of their rank */
  readonly passages: readonly ChosenPassage[];
  readonly closest: ClosestSentence | null;
}

export const NO_PASSAGES: ChosenPassages = { passages: [], closest: null };

export interface PassageChoice {
  readonly version: VersionId;
  readonly question: string;
  /** paths in the version: passages of these documents only; absent: of all */
  readonly documents?: readonly string[] | undefined;
  /** the version's documents in reading order: how they begin answers what asks about the whole */
  readonly openings?: readonly Opening[];
  /** tokens that the passages may take together, with their headers */
  readonly budget: number;
  /** at most so many passages (before joining); default 6 */
  readonly limit?: number;
  /** tokens of a passage as it will stand in the prompt */
  readonly count: (block: Omit<ChosenPassage, 'tokens'>) => number;
}

/** The passages whose meaning is nearest to a question's, best first; none where that is not known. */
export type Nearest = (
  version: VersionId,
  question: string,
  documents: readonly string[] | undefined,
  limit: number,
) => Promise<readonly PassageHit[]>;

type Index = Pick<Store, 'searchPassages' | 'documentFrequencies' | 'passagesAround'>;

export const DEFAULT_PASSAGES = 6;
/** hits looked at before the choice, of each kind */
const CANDIDATES = 48;
/**
 * Score of the closest sentence from which on the words decide alone: one sentence that stands out holds nearly all of
 * the question, and what only means the same would draw a small model away from it (bench/questions).
 */
const CLEAR = 0.9;
/** what the best cluster of sentences counts beside BM25, both scaled to 0 … 1 */
const CLOSENESS_WEIGHT = 1;

/**
 * No passages when no word of the question is in the library, unless it asks about the whole of it: something is always
 * nearest, also to what the library knows nothing about.
 */
export async function choosePassages(
  index: Index,
  choice: PassageChoice,
  nearest: Nearest = nothingNear,
): Promise<ChosenPassages> {
  const terms = questionTerms(choice.question);
  if (asksAboutTheWhole(choice.question, terms)) return openings(index, choice);
  const query = { ...terms, documents: choice.documents };
  const hits = await index.searchPassages(choice.version, query, CANDIDATES);
  if (hits.length === 0) return NO_PASSAGES;
  const subject = subjectWords(choice.question);
  const { total, counts } = await index.documentFrequencies(choice.version, subject);
  const asked = weightedStems(subject, wordWeights(subject, counts, total));
  const kind = answerKind(choice.question);
  const byWords = rank(hits, terms, asked, kind);
  const texts = hits.map((hit) => hit.text);
  const read = (ranked: readonly PassageHit[]): ChosenPassages => {
    const passages = withinBudget(ranked, choice);
    return { passages, closest: closestSentence(passages, { terms, asked, kind, texts }) };
  };
  const chosen = read(byWords);
  if (standsOut(chosen, terms)) return chosen;
  const near = await nearest(choice.version, choice.question, choice.documents, CANDIDATES);
  if (near.length === 0) return chosen;
  const found = { byWords: hits, byMeaning: near, limit: CANDIDATES };
  return read(combine(found, asked, (hit) => namedBonus(hit, terms)));
}

/**
 * Source code has no sentences: a line that holds the question's words may be any use of them, unless it is the
 * definition that is asked for.
 */
function standsOut({ passages, closest }: ChosenPassages, { asksForDefinition }: QuestionTerms): boolean {
  if (closest === null || closest.score < CLEAR) return false;
  const isCode = passages.some((block) => block.passages.some(({ defines }) => defines.length > 0));
  return asksForDefinition || !isCode;
}

const nothingNear: Nearest = () => Promise.resolve([]);

async function openings(index: Index, choice: PassageChoice): Promise<ChosenPassages> {
  const { documents, limit = DEFAULT_PASSAGES } = choice;
  const among = (choice.openings ?? []).filter(({ path }) => documents?.includes(path) !== false);
  return { passages: withinBudget(await openingPassages(index, among, limit), choice), closest: null };
}

/** Hits ordered by BM25 and by how close together the question's words stand; definitions before everything. */
export function rank(
  hits: readonly PassageHit[],
  terms: QuestionTerms,
  asked: WeightedStems,
  kind: AnswerKind | null,
): PassageHit[] {
  const best = Math.max(...hits.map((hit) => hit.score), Number.MIN_VALUE);
  const scored = hits.map((hit) => ({
    hit,
    score: hit.score / best + CLOSENESS_WEIGHT * closeness(hit.text, asked, kind) + namedBonus(hit, terms),
  }));
  scored.sort((a, b) => b.score - a.score);
  return scored.map(({ hit }) => hit);
}

/** Share of the question's weight in the best three neighbouring sentences, 0 … 1. */
function closeness(text: string, asked: WeightedStems, kind: AnswerKind | null): number {
  const texts = sentences(text).map(({ start, end }) => text.slice(start, end));
  return Math.max(0, ...neighbourShares(texts, '', asked, kind));
}

/** for what the question names word for word */
function namedBonus(hit: PassageHit, terms: QuestionTerms): number {
  return quotedBonus(hit.text, terms.quoted) + definitionBonus(hit, terms);
}

function quotedBonus(text: string, quoted: readonly string[]): number {
  return quoted.some((quote) => text.includes(quote)) ? 2 : 0;
}

function definitionBonus(hit: PassageHit, terms: QuestionTerms): number {
  const defines = terms.identifiers.some((name) => hit.passage.defines.includes(name));
  if (!defines) return 0;
  return terms.asksForDefinition ? 10 : 2;
}

function withinBudget(hits: readonly PassageHit[], choice: PassageChoice): ChosenPassage[] {
  const limit = choice.limit ?? DEFAULT_PASSAGES;
  let chosen: ChosenPassage[] = [];
  const texts = new Set<string>();
  let taken = 0;
  for (const hit of hits) {
    if (taken >= limit) break;
    const normalised = hit.text.replace(/\s+/g, ' ').trim();
    if (texts.has(normalised)) continue;
    const next = join(chosen, hit, choice.count);
    if (next.reduce((sum, block) => sum + block.tokens, 0) > choice.budget) continue;
    texts.add(normalised);
    chosen = next;
    taken += 1;
  }
  return chosen;
}

/** Adds a hit: to the block of its neighbour in the same document, or as a block of its own, at the end. */
function join(
  blocks: readonly ChosenPassage[],
  hit: PassageHit,
  count: PassageChoice['count'],
): ChosenPassage[] {
  const at = blocks.findIndex(
    (block) => block.hash === hit.passage.documentHash && touches(block, hit.passage),
  );
  const neighbour = blocks[at];
  if (neighbour === undefined) return [...blocks, counted(blockOf(hit), count)];
  return blocks.map((block, i) => (i === at ? counted(merge(neighbour, hit), count) : block));
}

function touches(block: ChosenPassage, passage: Passage): boolean {
  return block.passages.some((other) => Math.abs(other.index - passage.index) === 1);
}

function blockOf(hit: PassageHit): Omit<ChosenPassage, 'tokens'> {
  const { passage } = hit;
  return {
    hash: passage.documentHash,
    path: hit.path,
    start: passage.start,
    end: passage.end,
    lineStart: passage.lineStart,
    lineEnd: passage.lineEnd,
    section: passage.section,
    text: hit.text,
    passages: [passage],
  };
}

/** Neighbours overlap or touch; what lies between them (white space at most) is one line end. */
function merge(block: ChosenPassage, hit: PassageHit): Omit<ChosenPassage, 'tokens'> {
  const { passage } = hit;
  const hitFirst = passage.start < block.start;
  const first = hitFirst ? { ...passage, text: hit.text } : block;
  const second = hitFirst ? block : { ...passage, text: hit.text };
  const overlap = Math.max(0, first.end - second.start);
  const between = second.start > first.end ? '\n' : '';
  return {
    ...block,
    start: first.start,
    end: Math.max(first.end, second.end),
    lineStart: first.lineStart,
    lineEnd: Math.max(first.lineEnd, second.lineEnd),
    section: first.section,
    text: first.text + between + second.text.slice(overlap),
    passages: [...block.passages, passage].sort((a, b) => a.index - b.index),
  };
}

function counted(block: Omit<ChosenPassage, 'tokens'>, count: PassageChoice['count']): ChosenPassage {
  return { ...block, tokens: count(block) };
}
