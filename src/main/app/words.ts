/**
 * Words of questions and answers, for the choice of passages and for citations. They are split and stemmed by the
 * rule of the index (shared/text), so that whatever is looked for here can be found there.
 */
import { foldText, termsOf } from '../../shared/text/terms.ts';

/** Words that carry no content of their own: they occur in nearly every passage. */
const STOP_WORDS = new Set(
  `a about above after again all also am an and any are aren as at be because been before being below between both but by
  can cannot could couldn did didn do does doesn doing don down during each few for from further had hadn has hasn have
  haven having he her here hers herself him himself his how i if in into is isn it its itself just let me more most my
  myself no nor not now of off on once only or other our ours ourselves out over own same shall she should so some such
  than that the their theirs them themselves then there these they this those through thus to too under until up upon us
  very was wasn we were weren what when where whether which while who whom whose why will with would yes you your yours
  s t d ll m re ve o`.split(/\s+/),
);

/** Words of the frame of a question ("what is the name of …"), not of its subject. */
const QUESTION_FRAME = new Set(
  `name named names call called calls mean means kind sort type tell say says said give find show explain describe please
  according book text library passage document answer question`.split(/\s+/),
);

/**
 * Words of a text in order, as the index splits them, folded: "Ahab’s" gives "ahab" and "s". Identifiers of source
 * code keep their spelling, for the index knows them by it.
 */
export function words(text: string): string[] {
  const found: string[] = [];
  let identifierEnd = 0;
  for (const term of termsOf(text)) {
    // The parts of an identifier follow it, at its own place.
    if (term.start < identifierEnd) continue;
    const word = text.slice(term.start, term.end);
    if (term.kind === 'identifier') identifierEnd = term.end;
    found.push(term.kind === 'identifier' ? word : foldText(word));
  }
  return found;
}

/** The index's term for one folded word: without its endings, so that "whalers" meets "whaler". */
export function stem(word: string): string {
  return termsOf(word)[0]?.text ?? word;
}

const STOP_STEMS = new Set([...STOP_WORDS].map(stem));

/** Whether a term of the index comes from a word without content of its own. */
export function isStopStem(term: string): boolean {
  return STOP_STEMS.has(term);
}

/** Words with content of their own, folded, in order of their first occurrence, without repetitions. */
export function contentWords(text: string): string[] {
  const found = new Set<string>();
  for (const word of words(text)) if (!STOP_WORDS.has(word)) found.add(word);
  return [...found];
}

/** Content words of a question's subject; the frame's words only when there is nothing else. */
export function subjectWords(question: string): string[] {
  const content = contentWords(question);
  const subject = content.filter((word) => !QUESTION_FRAME.has(word));
  return subject.length > 0 ? subject : content;
}

/** What a question asks for, as far as its wording tells. */
export interface QuestionTerms {
  /** folded content words; the index stems them */
  readonly words: readonly string[];
  /** names as written in code: camelCase, snake_case, dotted, in backticks; in their own spelling */
  readonly identifiers: readonly string[];
  /** what stands in quotation marks, without them */
  readonly quoted: readonly string[];
  /** "where is X implemented", "what defines X": the definition answers it better than any use */
  readonly asksForDefinition: boolean;
}

const BACKTICKED = /`([^`\n]{1,200})`/g;
const QUOTED = /["“”«»]([^"“”«»\n]{2,200})["“”«»]/g;
/** camelCase, PascalCase with a second hump, snake_case, SCREAMING_CASE with underscore, dotted and ::-names, $names */
const IDENTIFIER =
  /(?<![\p{L}\p{N}_$.])(?:[$_]?[A-Za-z][A-Za-z0-9_$]*(?:(?:\.|::|#)[A-Za-z_$][A-Za-z0-9_$]*)+|[$_]*[a-z]+[a-z0-9]*[A-Z][A-Za-z0-9_$]*|[A-Z]+[a-z0-9]+[A-Z][A-Za-z0-9_$]*|[A-Za-z0-9$]*_[A-Za-z0-9_$]+|\$[A-Za-z][A-Za-z0-9_$]*)(?:\(\))?/gu;
const DEFINITION =
  /\b(?:where|which (?:file|module|line))\b.*\b(?:implemented|defined|declared|located|written|live|lives|found|is)\b|\b(?:what|which \w+)\s+(?:defines|implements|declares)\b|\b(?:definition|implementation|declaration) of\b/iu;
const KIND = '(?:function|class|method|type|interface|constant|variable|struct|trait)';
/**
 * A plain word that the wording makes a name: "where is parse implemented", "the definition of parse", "function parse".
 * Of "where is …" only right before its verb: "where is the position of a body checked" names nothing.
 */
const NAMED_BY_WORDING = new RegExp(
  `\\b(?:where (?:is|are|does|do)\\s+(?:the\\s+)?(?:${KIND}\\s+)?([A-Za-z_$][\\w$]*)(?=\\s+(?:implemented|defined|declared|located|written|live|found)\\b|\\s*\\??\\s*$)` +
    `|(?:(?:definition|implementation|declaration) of|${KIND})\\s+(?:the\\s+)?(?:${KIND}\\s+)?([A-Za-z_$][\\w$]*))\\b`,
  'giu',
);

/** Splits a question into what the index is asked for. */
export function questionTerms(question: string): QuestionTerms {
  const identifiers = new Set<string>();
  for (const match of question.matchAll(BACKTICKED)) addIdentifier(identifiers, match[1] ?? '');
  for (const match of question.matchAll(IDENTIFIER)) addIdentifier(identifiers, match[0]);
  const asksForDefinition = DEFINITION.test(question);
  if (asksForDefinition) {
    for (const match of question.matchAll(NAMED_BY_WORDING)) {
      const name = match[1] ?? match[2] ?? '';
      if (!STOP_WORDS.has(name.toLowerCase())) addIdentifier(identifiers, name);
    }
  }
  const quoted = [...question.matchAll(QUOTED)]
    .map((match) => (match[1] ?? '').trim())
    .filter((q) => q !== '');
  return { words: subjectWords(question), identifiers: [...identifiers], quoted, asksForDefinition };
}

function addIdentifier(into: Set<string>, raw: string): void {
  const name = raw.replace(/\(.*$/, '').trim();
  if (!/^[\p{L}_$][\p{L}\p{N}_$.:#-]*$/u.test(name)) return;
  into.add(name);
  // `Parser.parse` is defined under its last part.
  const last = name.split(/\.|::|#/).at(-1);
  if (last !== undefined && last !== name && last.length > 1) into.add(last);
}
