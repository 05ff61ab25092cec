/**
 * Words of questions, answers and sentences, for the choice of passages and for citations: split, folded, and
 * with the few endings removed that English adds to names and nouns. No dictionary and no model, so the same
 * text always gives the same words.
 */

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

/** A word with the place where it stands, in UTF-16 code units. */
export interface Word {
  /** folded: lower case, without accents, without a possessive ending */
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const WORD = /[\p{L}\p{N}]+(?:['’]\p{L}+)*/gu;

/** All words of a text in order. "Ahab’s" gives "ahab"; "Spouter-Inn" gives two words, as in the index. */
export function words(text: string): Word[] {
  const found: Word[] = [];
  for (const match of text.matchAll(WORD)) {
    const folded = fold(match[0]);
    if (folded !== '') found.push({ text: folded, start: match.index, end: match.index + match[0].length });
  }
  return found;
}

/** Lower case, accents removed (NFD without combining marks), possessive and contracted endings cut. */
export function fold(word: string): string {
  return word
    .normalize('NFD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replace(/['’]\p{L}*$/u, '')
    .replace(/['’]/gu, '');
}

/**
 * A word without the commonest English endings, so that "whalers" meets "whaler" and "named" meets "names".
 * Harman's S stemmer ("How effective is suffixing?", 1991) and, for longer words, -ed and -ing. It is used to
 * compare words only; it never reaches the index or the user.
 */
export function stem(word: string): string {
  if (!/^[a-z]+$/.test(word)) return word;
  let base = word;
  if (base.length > 4 && /[^ae]ies$/.test(base)) base = `${base.slice(0, -3)}y`;
  else if (base.length > 3 && /[^aeo]es$/.test(base)) base = base.slice(0, -1);
  else if (base.length > 3 && /[^us]s$/.test(base)) base = base.slice(0, -1);
  if (base.length > 5 && base.endsWith('ing')) base = base.slice(0, -3);
  else if (base.length > 4 && base.endsWith('ed')) base = base.slice(0, -2);
  return base.length > 3 && base.endsWith('e') ? base.slice(0, -1) : base;
}

/** Forms of a word that the index may hold: itself, and its singular and plural. */
export function variants(word: string): string[] {
  if (!/^[a-z]{3,}$/.test(word)) return [word];
  const forms = new Set([word]);
  if (/[^ae]ies$/.test(word) && word.length > 4) forms.add(`${word.slice(0, -3)}y`);
  else if (/(?:[sxz]|ch|sh)es$/.test(word)) forms.add(word.slice(0, -2));
  else if (/[^us]s$/.test(word)) forms.add(word.slice(0, -1));
  else if (/[^aeiou]y$/.test(word)) forms.add(`${word.slice(0, -1)}ies`);
  else if (/(?:[sxz]|ch|sh)$/.test(word)) forms.add(`${word}es`);
  else forms.add(`${word}s`);
  return [...forms];
}

export function isStopWord(word: string): boolean {
  return STOP_WORDS.has(word);
}

/** Words with content of their own, folded, in order of their first occurrence, without repetitions. */
export function contentWords(text: string): string[] {
  const found = new Set<string>();
  for (const { text: word } of words(text)) if (!STOP_WORDS.has(word)) found.add(word);
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
  /** folded content words, with singular and plural forms, for the index */
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
/** "where is parse implemented": a plain word that the wording makes a name */
const NAMED_BY_WORDING =
  /\b(?:where (?:is|are|does|do)|definition of|implementation of|declaration of|function|class|method|type|interface|constant|variable|struct|trait)\s+(?:the\s+)?(?:(?:function|class|method|type|interface|constant|variable|struct|trait)\s+)?([A-Za-z_$][A-Za-z0-9_$]*)\b/giu;

/** Splits a question into what the index is asked for. */
export function questionTerms(question: string): QuestionTerms {
  const identifiers = new Set<string>();
  for (const match of question.matchAll(BACKTICKED)) addIdentifier(identifiers, match[1] ?? '');
  for (const match of question.matchAll(IDENTIFIER)) addIdentifier(identifiers, match[0]);
  const asksForDefinition = DEFINITION.test(question);
  if (asksForDefinition) {
    for (const match of question.matchAll(NAMED_BY_WORDING)) {
      const name = match[1] ?? '';
      if (!STOP_WORDS.has(name.toLowerCase())) addIdentifier(identifiers, name);
    }
  }
  const quoted = [...question.matchAll(QUOTED)]
    .map((match) => (match[1] ?? '').trim())
    .filter((q) => q !== '');
  const forms = new Set<string>();
  for (const word of subjectWords(question)) for (const form of variants(word)) forms.add(form);
  return { words: [...forms], identifiers: [...identifiers], quoted, asksForDefinition };
}

function addIdentifier(into: Set<string>, raw: string): void {
  const name = raw.replace(/\(.*$/, '').trim();
  if (!/^[\p{L}_$][\p{L}\p{N}_$.:#-]*$/u.test(name)) return;
  into.add(name);
  // `Parser.parse` is defined under its last part.
  const last = name.split(/\.|::|#/).at(-1);
  if (last !== undefined && last !== name && last.length > 1) into.add(last);
}
