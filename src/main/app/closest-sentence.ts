/**
 * The one sentence of the passages that fits a question best, where one stands out. It is read again right before the
 * question, where a small model attends to it.
 */
import type { AnswerKind } from './answer-kind.ts';
import { holdsKind, namesIn } from './answer-kind.ts';
import { definitionLine } from './definitions.ts';
import type { ChosenPassage } from './chosen-passage.ts';
import { sentences } from './sentences.ts';
import type { WeightedStems } from './weights.ts';
import { NEARBY, sharedWeight, stemsOf, totalWeight } from './weights.ts';
import type { QuestionTerms } from './words.ts';

export interface ClosestSentence {
  /** on one line */
  readonly text: string;
  readonly score: number;
}

export interface AskedFor {
  readonly terms: QuestionTerms;
  readonly asked: WeightedStems;
  readonly kind: AnswerKind | null;
  /** of all hits, chosen or not: what stands beside the question's words in the library */
  readonly texts: readonly string[];
}

/** what it counts that a sentence holds the kind of thing that is asked for */
const KIND_BONUS = 0.2;
/** Per UTF-16 code unit, up to `LONGEST_PENALTY`: a long sentence holds many words by chance. */
const LENGTH_PENALTY = 1 / 4000;
const LONGEST_PENALTY = 0.2;
/** in UTF-16 code units; a shorter sentence ("He was a native of Cape Cod.") leans on the one before it */
const SHORT_SENTENCE = 60;
/** By so much, at least, the closest sentence must stand out from the second, and score: else none is the closest. */
const MIN_LEAD = 0.08;
const MIN_SCORE = 0.5;
/** what the name that stands most often beside the question's words counts, where no sentence stands out */
const NAME_WEIGHT = 0.4;

/**
 * The line of a definition that is asked for, with its place; else the sentence that holds most of the question; else,
 * asked for a name, the best one with the name that stands most often beside the question's words ("What is the name of
 * Captain Ahab's ship?": no sentence says it, but in a hundred places the three words and the Pequod stand together).
 */
export function closestSentence(
  passages: readonly ChosenPassage[],
  { terms, asked, kind, texts }: AskedFor,
): ClosestSentence | null {
  for (const passage of passages) {
    const defined = definitionSentence(passage, terms);
    if (defined !== null) return defined;
  }
  const all = passages.flatMap((passage) => scoredSentences(passage, asked, kind)).sort(byScore);
  const [best, second] = all;
  if (best === undefined || best.score < MIN_SCORE) return null;
  if (best.score - (second?.score ?? 0) >= MIN_LEAD) return best;
  return kind === 'name' ? closestWithName(all, asked, texts) : null;
}

function byScore(a: ClosestSentence, b: ClosestSentence): number {
  return b.score - a.score;
}

function scoredSentences(
  passage: ChosenPassage,
  asked: WeightedStems,
  kind: AnswerKind | null,
): ClosestSentence[] {
  const texts = sentences(passage.text).map(({ start, end }) => onOneLine(passage.text.slice(start, end)));
  const shares = neighbourShares(texts, passage.section, asked, kind);
  return texts.map((text, i) => {
    const before = text.length < SHORT_SENTENCE ? texts[i - 1] : undefined;
    const penalty = Math.min(LONGEST_PENALTY, text.length * LENGTH_PENALTY);
    return { text: before === undefined ? text : `${before} ${text}`, score: (shares[i] ?? 0) - penalty };
  });
}

/** Pseudo-relevance feedback (Lavrenko and Croft 2001), for names only. */
function closestWithName(
  all: readonly ClosestSentence[],
  asked: WeightedStems,
  texts: readonly string[],
): ClosestSentence | null {
  const known = new Set(asked.keys());
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const name of namesIn(text, known)) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const most = Math.max(1, ...counts.values());
  const share = (text: string): number =>
    Math.max(0, ...[...namesIn(text, known)].map((name) => (counts.get(name) ?? 0) / most));
  const [best] = all
    .map(({ text, score }) => ({ text, score: score + NAME_WEIGHT * share(text) }))
    .sort(byScore);
  return best ?? null;
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
export function neighbourShares(
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
