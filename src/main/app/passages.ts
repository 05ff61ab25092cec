/**
 * Which passages a question is answered from: the best by BM25, definitions first where a definition is asked
 * for, neighbours joined, duplicates dropped, within a budget of tokens. Embeddings come later; the words do the work.
 */
import type { ContentHash, Passage, VersionId } from '../../shared/model/index.ts';
import type { PassageHit, Store } from '../store/index.ts';
import type { AnswerKind } from './answer-kind.ts';
import { answerKind, holdsKind } from './answer-kind.ts';
import { definitionLine } from './definitions.ts';
import { sentences } from './sentences.ts';
import type { WeightedStems } from './weights.ts';
import { NEARBY, sharedWeight, stemsOf, totalWeight, weightedStems, wordWeights } from './weights.ts';
import type { QuestionTerms } from './words.ts';
import { questionTerms, subjectWords } from './words.ts';

/** A stretch of one document that stands in the prompt: one passage, or neighbours joined. */
export interface ChosenPassage {
  readonly hash: ContentHash;
  readonly path: string;
  /** offsets in UTF-16 code units of the document's text */
  readonly start: number;
  readonly end: number;
  readonly lineStart: number;
  readonly lineEnd: number;
  readonly section: string;
  readonly text: string;
  readonly tokens: number;
  /** what it was joined from */
  readonly passages: readonly Passage[];
}

/** The sentence that fits a question best, where one stands out; on one line. */
export interface ClosestSentence {
  readonly text: string;
  /** share of the question's weight, less for a long sentence */
  readonly score: number;
}

export interface ChosenPassages {
  /** in descending order of their rank */
  readonly passages: readonly ChosenPassage[];
  readonly closest: ClosestSentence | null;
}

export const NO_PASSAGES: ChosenPassages = { passages: [], closest: null };

export interface PassageChoice {
  readonly version: VersionId;
  readonly question: string;
  /** tokens that the passages may take together, with their headers */
  readonly budget: number;
  /** at most so many passages (before joining); default 6 */
  readonly limit?: number;
  /** tokens of a passage as it will stand in the prompt */
  readonly count: (block: Omit<ChosenPassage, 'tokens'>) => number;
}

type Index = Pick<Store, 'searchPassages' | 'documentFrequencies'>;

export const DEFAULT_PASSAGES = 6;
/** hits looked at before the choice */
const CANDIDATES = 48;
/** what the best cluster of sentences counts beside BM25, both scaled to 0 … 1 */
const CLOSENESS_WEIGHT = 1;
/** what it counts that a sentence holds the kind of thing that is asked for */
const KIND_BONUS = 0.2;

/** No passages when no word of the question is in the library. */
export async function choosePassages(index: Index, choice: PassageChoice): Promise<ChosenPassages> {
  const terms = questionTerms(choice.question);
  if (terms.words.length === 0 && terms.identifiers.length === 0) return NO_PASSAGES;
  const hits = await index.searchPassages(choice.version, terms, CANDIDATES);
  if (hits.length === 0) return NO_PASSAGES;
  const subject = subjectWords(choice.question);
  const { total, counts } = await index.documentFrequencies(choice.version, subject);
  const asked = weightedStems(subject, wordWeights(subject, counts, total));
  const passages = withinBudget(rank(hits, terms, asked, answerKind(choice.question)), choice);
  return { passages, closest: closestSentence(passages, terms, asked, answerKind(choice.question)) };
}

/** Per UTF-16 code unit, up to `LONGEST_PENALTY`: a long sentence holds many words by chance. */
const LENGTH_PENALTY = 1 / 4000;
const LONGEST_PENALTY = 0.2;
/** in UTF-16 code units; a shorter sentence ("He was a native of Cape Cod.") leans on the one before it */
const SHORT_SENTENCE = 60;

/** By so much, at least, the closest sentence must stand out from the second, and score: else none is the closest. */
const MIN_LEAD = 0.08;
const MIN_SCORE = 0.5;

/** The line of a definition that is asked for, with its place; else the sentence that holds most of the question. */
function closestSentence(
  passages: readonly ChosenPassage[],
  terms: QuestionTerms,
  asked: WeightedStems,
  kind: AnswerKind | null,
): ClosestSentence | null {
  const all: ClosestSentence[] = [];
  for (const passage of passages) {
    const defined = definitionSentence(passage, terms);
    if (defined !== null) return defined;
    const texts = sentences(passage.text).map(({ start, end }) => onOneLine(passage.text.slice(start, end)));
    const shares = neighbourShares(texts, passage.section, asked, kind);
    for (const [i, text] of texts.entries()) {
      const score = (shares[i] ?? 0) - Math.min(LONGEST_PENALTY, text.length * LENGTH_PENALTY);
      const before = text.length < SHORT_SENTENCE ? texts[i - 1] : undefined;
      all.push({ text: before === undefined ? text : `${before} ${text}`, score });
    }
  }
  const [best, second] = all.sort((a, b) => b.score - a.score);
  if (best === undefined || best.score < MIN_SCORE) return null;
  return best.score - (second?.score ?? 0) < MIN_LEAD ? null : best;
}

function definitionSentence(passage: ChosenPassage, terms: QuestionTerms): ClosestSentence | null {
  const name = terms.identifiers.find((one) => passage.passages.some(({ defines }) => defines.includes(one)));
  const span = name === undefined ? null : definitionLine(name, passage.text);
  if (span === null) return null;
  const line = passage.lineStart + passage.text.slice(0, span.start).split('\n').length - 1;
  const text = onOneLine(passage.text.slice(span.start, span.end));
  return { text: `${passage.path}, line ${String(line)}: ${text}`, score: 1 };
}

function onOneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/**
 * Per sentence: share of the question's weight, where a word beside it (or in the heading) counts half; more for one that
 * holds the kind of thing that is asked for.
 */
function neighbourShares(
  texts: readonly string[],
  heading: string,
  asked: WeightedStems,
  kind: AnswerKind | null,
): number[] {
  const total = totalWeight(asked);
  const each = texts.map(stemsOf);
  const above = stemsOf(heading);
  const terms = new Set(asked.keys());
  return texts.map((text, i) => {
    const present = new Set([...(each[i - 1] ?? []), ...(each[i + 1] ?? []), ...above]);
    const shared = sharedWeight(asked, each[i] ?? new Set(), { present, factor: NEARBY });
    const bonus = kind !== null && holdsKind(kind, text, terms) ? KIND_BONUS : 0;
    return total === 0 ? 0 : shared / total + bonus;
  });
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
    score:
      hit.score / best +
      CLOSENESS_WEIGHT * closeness(hit.text, asked, kind) +
      quotedBonus(hit.text, terms.quoted) +
      definitionBonus(hit, terms),
  }));
  scored.sort((a, b) => b.score - a.score);
  return scored.map(({ hit }) => hit);
}

/** Share of the question's weight in the best three neighbouring sentences, 0 … 1. */
function closeness(text: string, asked: WeightedStems, kind: AnswerKind | null): number {
  const texts = sentences(text).map(({ start, end }) => text.slice(start, end));
  const shares = neighbourShares(texts, '', asked, kind);
  return Math.max(0, ...shares);
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
