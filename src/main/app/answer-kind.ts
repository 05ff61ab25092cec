/**
 * What kind of thing a question asks for, as far as its wording tells, and whether a sentence holds one: "who" wants a
 * name that the question does not have, "how many" a number. The oldest trick of question answering (Prager et al. 2000,
 * "predictive annotation"), without a model.
 */
import { isStopStem, stem, words } from './words.ts';

export type AnswerKind = 'name' | 'number';

const WANTS_NUMBER =
  /\b(?:how (?:many|much|long|tall|old|far|deep|big|large|high|often)|when|what year|which year|in which year)\b/i;
const WANTS_NAME =
  /\b(?:who|whom|whose|where|names?|named|called|(?:which|what) (?:place|city|town|country|island|ship|person|captain))\b/i;

/** null: the wording does not tell */
export function answerKind(question: string): AnswerKind | null {
  if (WANTS_NUMBER.test(question)) return 'number';
  return WANTS_NAME.test(question) ? 'name' : null;
}

const NUMBER =
  /\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|dozen|score)/i;
/** a capitalised word inside a sentence, or at its beginning when a comma, a hyphen or another name follows */
const INNER_NAME = /(?<=[\p{Ll}\p{N},;:’'.—-]["“‘(]?\s?["“‘(]?)\p{Lu}[\p{L}\p{N}]+/gu;
const FIRST_NAME = /^["“‘(]*(\p{Lu}[\p{L}\p{N}]+)(?=,|-\p{Lu}|\s\p{Lu})/u;

/** Whether a sentence holds something of the kind that the question did not name itself. */
export function holdsKind(kind: AnswerKind, sentence: string, asked: ReadonlySet<string>): boolean {
  return kind === 'number' ? NUMBER.test(sentence) : namesIn(sentence, asked).size > 0;
}

/** Names of a text that the question did not have, as terms of the index. */
export function namesIn(text: string, asked: ReadonlySet<string>): ReadonlySet<string> {
  const names = [...text.matchAll(INNER_NAME)].map((match) => match[0]);
  const first = FIRST_NAME.exec(text)?.[1];
  if (first !== undefined) names.push(first);
  const terms = names.flatMap((name) => words(name).map(stem));
  return new Set(terms.filter((term) => !isStopStem(term) && !asked.has(term)));
}
