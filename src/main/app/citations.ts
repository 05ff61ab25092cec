/**
 * Citations: which sentence of what was read speaks of what the answer says. The rule (decision note 0006):
 *
 * 1. Candidates are the sentences (in source code: the lines) of passages that were read in this turn; headings are
 *    none.
 * 2. A candidate must support the question: of the weight of the question's subject words it holds at least
 *    `MIN_SUPPORT`; words of the sentences beside it and of its heading count by `NEARBY`. Weight = inverse document
 *    frequency in the library, so rare words and numbers weigh most. A question about something that the
 *    library does not hold has a heavy word that no candidate has. Two different subject words at least, where the
 *    question has two; and something beside them: a sentence that only repeats the question tells nothing.
 * 3. A candidate must share the answer's content words: of their weight, in one sentence of the answer, at least
 *    `MIN_SHARE`. What the answer adds to the question counts first: among candidates, those that hold it win.
 * 4. In source code, the line that defines an identifier of the question is cited as the definition.
 * 5. A citation is the candidate word for word, compared with the stored text before it is shown.
 * 6. No candidate, no citation; the answer then says that nothing in the library was found for it.
 *
 * A citation is a quote to judge the answer by, not a proof of it: a small model may answer beside the quote.
 */
import type { Citation, Passage } from '../../shared/model/index.ts';
import { answerKind, holdsKind } from './answer-kind.ts';
import { definitionLine, isDefining } from './definitions.ts';
import type { Span } from './sentences.ts';
import { lines, sentences } from './sentences.ts';
import type { WeightedStems, WordWeight } from './weights.ts';
import { NEARBY, sharedWeight, stemsOf, totalWeight, weightedStems } from './weights.ts';
import { contentWords, isStopStem, questionTerms, stem, subjectWords } from './words.ts';

/** A passage as it was put before the question. */
export interface ReadPassage {
  readonly passage: Passage;
  /** path in the library's current version */
  readonly path: string;
}

/** A document that passages were read from, or the stretch of it that they stand in. */
export interface CitedDocument {
  /** passages have their offsets in it */
  readonly text: string;
  /** where it begins in the document: 0 and line 1 unless told */
  readonly place?: { readonly start: number; readonly line: number };
  readonly title: string | null;
  readonly kind: string;
}

export interface CitationRequest {
  readonly question: string;
  readonly answer: string;
  readonly passages: readonly ReadPassage[];
  /** by content hash */
  readonly documents: ReadonlyMap<string, CitedDocument>;
  readonly weight: WordWeight;
}

/** of the question's weight; below it, a sentence is about something else */
export const MIN_SUPPORT = 0.55;
/** of the weight of the content words of a sentence of the answer */
export const MIN_SHARE = 0.2;
/** in the order of candidates: support of the question beside agreement with the answer … */
const SUPPORT_WEIGHT = 2;
/** … of which what the answer adds to the question is a part … */
const ADDED_WEIGHT = 0.5;
/** … and what holds the kind of thing that is asked for stands before what does not … */
const KIND_BONUS = 0.5;
/** … and a long sentence, which holds many words by chance, stands behind a short one: per doubling … */
const LENGTH_PENALTY = 0.1;
/** … beyond so many different words */
const LONG_SENTENCE = 16;
const MAX_CITATIONS = 3;

/** What the answer says when nothing of the library supports it. Stripped before it is read again. */
export const NOTHING_FOUND = '\n\n(Nothing in the library was found for this answer.)';

export function withoutNote(answer: string): string {
  return answer.endsWith(NOTHING_FOUND) ? answer.slice(0, -NOTHING_FOUND.length) : answer;
}

interface Candidate {
  readonly source: ReadPassage;
  readonly document: CitedDocument;
  readonly span: Span;
  readonly score: number;
}

/** Citations of an answer, best first; empty when nothing that was read supports it. */
export function cite(request: CitationRequest): Citation[] {
  const definitions = definitionCandidates(request);
  const chosen = definitions.length > 0 ? definitions : sentenceCandidates(request);
  const seen = new Set<string>();
  const citations: Citation[] = [];
  for (const candidate of chosen.sort(byScore)) {
    const key = `${candidate.source.passage.documentHash}:${String(candidate.span.start)}`;
    if (seen.has(key)) continue;
    seen.add(key);
    citations.push(citation(candidate));
    if (citations.length === MAX_CITATIONS) break;
  }
  return citations;
}

/** Words whose weight `cite` will ask for. */
export function wordsToWeigh(question: string, answer: string): string[] {
  return [...new Set([...subjectWords(question), ...contentWords(answer)])];
}

function byScore(a: Candidate, b: Candidate): number {
  return b.score - a.score || a.span.end - a.span.start - (b.span.end - b.span.start);
}

function sentenceCandidates(request: CitationRequest): Candidate[] {
  const asked = weightedStems(subjectWords(request.question), request.weight);
  const statements = answerStatements(request, asked);
  const askedWeight = totalWeight(asked);
  const kind = answerKind(request.question);
  if (statements.length === 0 || askedWeight === 0) return [];
  const found: Candidate[] = [];
  for (const source of request.passages) {
    const document = request.documents.get(source.passage.documentHash);
    if (document === undefined) continue;
    for (const { span, own, around } of spansWithWords(source.passage, document)) {
      const support = sharedWeight(asked, own, { present: around, factor: NEARBY }) / askedWeight;
      if (support < MIN_SUPPORT || !isAbout(asked, own, around) || !tellsMore(asked, own)) continue;
      const agreement = Math.max(...statements.map((statement) => agreementWith(statement, own)));
      const text = document.text.slice(span.start, span.end);
      const fits = kind !== null && holdsKind(kind, text, new Set(asked.keys()));
      if (agreement > 0)
        found.push({
          source,
          document,
          span,
          score:
            SUPPORT_WEIGHT * support +
            agreement +
            (fits ? KIND_BONUS : 0) -
            LENGTH_PENALTY * Math.log2(Math.max(1, own.size / LONG_SENTENCE)),
        });
    }
  }
  return found;
}

/** One word in common, however rare, is a coincidence. */
function isAbout(asked: WeightedStems, own: ReadonlySet<string>, around: ReadonlySet<string>): boolean {
  const present = [...asked.keys()].filter((word) => own.has(word) || around.has(word));
  return present.length >= Math.min(2, asked.size);
}

function tellsMore(asked: WeightedStems, own: ReadonlySet<string>): boolean {
  return [...own].some((word) => !asked.has(word) && !isStopStem(word));
}

/** The content words of one sentence of the answer, and those among them that the question did not have. */
interface Statement {
  readonly all: WeightedStems;
  readonly added: WeightedStems;
}

function answerStatements(request: CitationRequest, asked: WeightedStems): Statement[] {
  const statements: Statement[] = [];
  for (const { start, end } of sentences(request.answer)) {
    const content = contentWords(request.answer.slice(start, end)).filter(
      (word) => !FRAME_OF_ANSWERS.has(word),
    );
    if (content.length === 0) continue;
    const added = content.filter((word) => !asked.has(stem(word)));
    const { weight } = request;
    statements.push({ all: weightedStems(content, weight), added: weightedStems(added, weight) });
  }
  return statements;
}

/** "The name of the ship is …": words with which an answer begins, and which are no evidence. */
const FRAME_OF_ANSWERS = new Set(
  'name named names called answer question passage passages text library'.split(' '),
);

/**
 * How well a candidate agrees with a sentence of the answer, 0 (too little is shared) … 2: the share of all its content
 * words, and once more the share of those that are not the question's own.
 */
function agreementWith({ all, added }: Statement, own: ReadonlySet<string>): number {
  const total = totalWeight(all);
  const share = total === 0 ? 0 : sharedWeight(all, own) / total;
  if (share < MIN_SHARE) return 0;
  const addedWeight = totalWeight(added);
  return share + (addedWeight === 0 ? 0 : (ADDED_WEIGHT * sharedWeight(added, own)) / addedWeight);
}

interface SpanWithWords {
  readonly span: Span;
  readonly own: ReadonlySet<string>;
  /** words of the sentences before and after, and of the heading */
  readonly around: ReadonlySet<string>;
}

function spansWithWords(passage: Passage, document: CitedDocument): SpanWithWords[] {
  const text = document.text.slice(passage.start, passage.end);
  const spans = document.kind === 'code' ? lines(text, passage.start) : sentences(text, passage.start);
  const own = spans.map(({ start, end }) => stemsOf(document.text.slice(start, end)));
  const heading = stemsOf(passage.section);
  const found = spans.map((span, i) => ({
    span,
    own: own[i] ?? new Set<string>(),
    around: new Set([...(own[i - 1] ?? []), ...(own[i + 1] ?? []), ...heading]),
  }));
  // A heading says what follows is about; it is not what is said.
  const isHeading = (words: ReadonlySet<string>): boolean =>
    heading.size > 0 && [...words].every((word) => heading.has(word));
  return found.filter((candidate) => candidate.own.size > 0 && !isHeading(candidate.own));
}

/** Lines that define an identifier which the question names (or, asked for a definition, the answer does). */
function definitionCandidates(request: CitationRequest): Candidate[] {
  const terms = questionTerms(request.question);
  if (terms.identifiers.length === 0) return [];
  const found: Candidate[] = [];
  for (const source of request.passages) {
    const document = request.documents.get(source.passage.documentHash);
    if (document === undefined) continue;
    for (const name of terms.identifiers) {
      if (!source.passage.defines.includes(name)) continue;
      const span = definitionIn(name, source.passage, document.text);
      if (span !== null)
        found.push({ source, document, span, score: definitionScore(name, span, document.text) });
    }
  }
  return found;
}

function definitionIn(name: string, { start, end }: Passage, text: string): Span | null {
  const span = definitionLine(name, text.slice(start, end));
  return span === null ? null : { start: span.start + start, end: span.end + start };
}

/** A definition with a body before a mere declaration or re-export. */
function definitionScore(name: string, span: Span, text: string): number {
  const line = text.slice(span.start, span.end);
  const keyword = isDefining(line, name) ? 1 : 0;
  const declaration = /\bdeclare\b|^\s*(?:import|export\s*\{|export\s+\*)/.test(line) ? 0 : 1;
  return 2 + keyword + declaration;
}

/** Lines are counted in the stored text itself, so that the citation does not depend on the passage's own count. */
function citation({ source, document, span }: Candidate): Citation {
  const { start, line } = document.place ?? { start: 0, line: 1 };
  const quote = document.text.slice(span.start, span.end);
  const section = source.passage.section;
  return {
    document: document.title ?? source.path,
    path: source.path,
    start: start + span.start,
    end: start + span.end,
    quote,
    lineStart: line - 1 + lineAt(document.text, span.start),
    lineEnd: line - 1 + lineAt(document.text, span.end),
    ...(section === '' ? {} : { section }),
  };
}

function lineAt(text: string, position: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < position; at = text.indexOf('\n', at + 1)) line += 1;
  return line;
}

/** Whether a citation stands word for word at its place. @param found what stands there */
export function verifyCitation(cited: Citation, found: string): boolean {
  return cited.end > cited.start && found === cited.quote;
}
