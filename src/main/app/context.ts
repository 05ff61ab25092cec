/**
 * What enters the prompt, in the order of design section 4: fixed preamble, library, the conversation's system
 * prompt, turns (each with its passages), question. Nothing volatile stands before the library, so that its state
 * serves every conversation; joints lie at the template's special tokens.
 */
import { AppError } from '../../shared/errors.ts';
import type { AttentionPlan } from '../engine/index.ts';
import type { ChosenPassage } from './chosen-passage.ts';
import type { Prompt, PromptMessage, PromptPiece, PromptSpan, PromptWriter, SpanKind } from './prompt.ts';

/** Fixed: a date or a name here would cost every library its state. */
export const PREAMBLE =
  'You are a helpful assistant. You answer questions from the passages and documents of the user, briefly and with the names, numbers and words that stand there.';

/** A document of the library, in reading order. */
export interface ContextDocument {
  /** content hash */
  readonly key: string;
  /** path as of reading: it stands in the header, inside the state */
  readonly readAs: string;
  /** of the text alone */
  readonly ids: Int32Array;
}

/** One exchange before the question. */
export interface ContextTurn {
  readonly label: string;
  /** the passages exactly as they were read in that turn; empty when there were none */
  readonly passagesText: string;
  readonly question: string;
  /** empty: the answer was never begun (it is left out, with its question kept) */
  readonly answer: string;
}

export interface TurnContext {
  readonly library: LibraryPrefix | null;
  readonly systemPrompt: string;
  readonly turns: readonly ContextTurn[];
  readonly passagesText: string;
  readonly question: string;
}

/** Ids of preamble and library: the key of a library's state. `spans` tell documents from joints. */
export type LibraryPrefix = Prompt;

/** The header that tells the model which document begins. */
export function documentHeader(readAs: string): string {
  return `File: ${readAs}\n\n`;
}

/** Everything from the first token to the end of the last document. */
export function libraryPrefix(writer: PromptWriter, documents: readonly ContextDocument[]): LibraryPrefix {
  const pieces: PromptPiece[] = [];
  documents.forEach((document, i) => {
    if (i > 0) pieces.push({ kind: 'overhead', key: '', ids: writer.joint });
    pieces.push({ kind: 'overhead', key: '', ids: writer.text(documentHeader(document.readAs)) });
    pieces.push({ kind: 'document', key: document.key, ids: document.ids });
  });
  const whole = writer.write([preambleMessage(writer), { role: 'system', pieces }], { answerFollows: false });
  const last = whole.spans.findLast((span) => span.kind === 'document');
  return last === undefined ? cut(whole, 0) : cut(whole, last.end);
}

/** The first `length` tokens of a prompt: where a reading has come to, or what a stored state holds. */
export function cut(prompt: Prompt, length: number): Prompt {
  const spans: PromptSpan[] = [];
  for (const span of prompt.spans) {
    if (span.start < length) spans.push({ ...span, end: Math.min(span.end, length) });
  }
  return { ids: prompt.ids.subarray(0, length), spans };
}

/**
 * The whole prompt of a turn. A library whose reading has come only so far is handed over cut there; what
 * follows (system prompt, turns) begins at the template's next special token all the same.
 */
export function composeTurn(writer: PromptWriter, context: TurnContext): Prompt {
  const rest = restMessages(writer, context);
  const { library } = context;
  if (library === null || library.ids.length === 0) {
    return writer.write([preambleMessage(writer), ...rest]);
  }
  return afterLibrary(writer, library, rest);
}

/** Marks the place of the library in the template: one id that no tokenizer gives. */
const LIBRARY_MARK = Int32Array.of(-1);

/** Writes the prompt around a mark, and puts the library's prefix in the place of everything up to it. */
function afterLibrary(writer: PromptWriter, library: LibraryPrefix, rest: readonly PromptMessage[]): Prompt {
  const marked = writer.write([
    preambleMessage(writer),
    { role: 'system', pieces: [{ kind: 'document', key: '', ids: LIBRARY_MARK }] },
    ...rest,
  ]);
  const mark = marked.ids.indexOf(-1);
  if (mark < 0) throw new AppError('internal', 'The library has no place in the chat template.');
  const tail = marked.ids.subarray(mark + 1);
  const ids = new Int32Array(library.ids.length + tail.length);
  ids.set(library.ids);
  ids.set(tail, library.ids.length);
  const shift = library.ids.length - (mark + 1);
  const spans = marked.spans
    .filter((span) => span.start > mark)
    .map((span) => ({ ...span, start: span.start + shift, end: span.end + shift }));
  return { ids, spans: [...library.spans, ...spans] };
}

function preambleMessage(writer: PromptWriter): PromptMessage {
  return { role: 'system', pieces: [{ kind: 'overhead', key: '', ids: writer.text(PREAMBLE) }] };
}

function restMessages(writer: PromptWriter, context: TurnContext): PromptMessage[] {
  const messages: PromptMessage[] = [];
  if (context.systemPrompt !== '') {
    messages.push({
      role: 'system',
      pieces: [{ kind: 'overhead', key: '', ids: writer.text(context.systemPrompt) }],
    });
  }
  for (const turn of context.turns) {
    const kinds = { passages: 'turn', question: 'turn', key: turn.label } as const;
    messages.push(...questionMessages(writer, turn.passagesText, turn.question, kinds));
    // Two user messages in a row would break templates that insist on taking turns.
    const ids = writer.text(turn.answer);
    messages.push({ role: 'assistant', pieces: [{ kind: 'turn', key: turn.label, ids }] });
  }
  const kinds = { passages: 'passages', question: 'question', key: '' } as const;
  messages.push(...questionMessages(writer, context.passagesText, context.question, kinds));
  return messages;
}

/** Passages stand in a message of their own: what is asked is asked apart from what is read. */
function questionMessages(
  writer: PromptWriter,
  stored: string,
  question: string,
  kinds: { readonly passages: SpanKind; readonly question: SpanKind; readonly key: string },
): PromptMessage[] {
  const { passages, before } = splitPassages(stored);
  const piece = (kind: SpanKind, text: string): PromptPiece => ({
    kind,
    key: kinds.key,
    ids: writer.text(text),
  });
  const asked: PromptMessage = {
    role: 'user',
    pieces: [piece(kinds.passages, before), piece(kinds.question, question)],
  };
  if (passages === '') return [asked];
  return [{ role: 'system', pieces: [piece(kinds.passages, passages)] }, asked];
}

type PassageToShow = Pick<ChosenPassage, 'path' | 'section' | 'lineStart' | 'lineEnd' | 'text' | 'passages'>;

/** Begins the line that is read again, right before the question; what follows it never has a blank line. */
const CLOSEST = '\n\nPassage: ';
const BEFORE_QUESTION = '\n\nQuestion: ';

/**
 * What is read before a question, as it is stored with the message: passages with their sources, the best one last, then
 * once more the sentence that fits best. Nothing found: ''.
 *
 * A small model attends to what stands right before the question; measured on the development questions, the
 * default model answers twice as many right with that sentence there as with the passages alone.
 */
export function passagesText(passages: readonly PassageToShow[], closest: string | null): string {
  const again = closest === null ? '' : CLOSEST + closest;
  if (passages.length === 0) return again;
  const blocks = passages.toReversed().map((passage, i) => passageBlock(passage, i + 1));
  return `Passages:\n\n${blocks.join('\n\n')}${again}`;
}

/** The two messages that a question with passages becomes: the passages, and what stands right before the question. */
function splitPassages(text: string): { readonly passages: string; readonly before: string } {
  if (text === '') return { passages: '', before: '' };
  const at = text.lastIndexOf(CLOSEST);
  if (at < 0) return { passages: text, before: '' };
  return { passages: text.slice(0, at), before: text.slice(at).trimStart() + BEFORE_QUESTION };
}

/** One passage as it stands in the prompt: source code under its lines, prose under its heading. */
export function passageBlock(passage: PassageToShow, number: number): string {
  const { path, section, lineStart, lineEnd, text, passages } = passage;
  const hasLines = section === '' || passages.some(({ defines }) => defines.length > 0);
  const place = hasLines ? `lines ${String(lineStart)}-${String(lineEnd)}` : section;
  return `[${String(number)}] ${path}, ${place}\n${text.trim()}`;
}

/** How far a plan sees, as far as it bounds what fits. In tokens. */
export interface Reach {
  /** the last position sees so many tokens exactly */
  readonly exact: number;
  /** beyond so many tokens something leaves the context for good; null: never, it becomes sparse */
  readonly limit: number | null;
  /** beyond the limit older tokens slide out; false: nothing beyond the limit can be read at all */
  readonly slides: boolean;
}

/** @param trainedLength T of the model */
export function reachOf(plan: AttentionPlan, trainedLength: number): Reach {
  if (plan.alignment === 'aligned') {
    const dense = (plan.patterns ?? []).filter((pattern) => pattern.dilation === 1);
    return {
      exact: Math.max(trainedLength, ...dense.map((p) => p.segmentLength)),
      limit: null,
      slides: false,
    };
  }
  if (plan.window === undefined) return { exact: trainedLength, limit: trainedLength, slides: false };
  if (plan.bands !== undefined) return { exact: plan.window, limit: null, slides: false };
  const limit = Math.max(plan.denseUpTo ?? 0, plan.window + plan.sinks);
  return { exact: plan.window, limit, slides: true };
}

/** Tokens kept free for template text around a question. */
const MARGIN = 64;

/** Tokens for passages, so that passages, question and the longest answer stay within what is seen exactly. */
export function passageBudget(reach: Reach, questionTokens: number, maxTokens: number): number {
  return Math.max(0, reach.exact - questionTokens - maxTokens - MARGIN);
}

/** Whether a library is small enough to be read whole: with a question, the longest answer and one more turn. */
export function fitsWhole(
  reach: Reach,
  libraryTokens: number,
  questionTokens: number,
  maxTokens: number,
): boolean {
  const dense = Math.min(reach.exact, reach.limit ?? reach.exact);
  return libraryTokens + 2 * (questionTokens + maxTokens + MARGIN) <= dense;
}

/**
 * Asks before anything slides out (design: nothing is cut silently).
 * @throws AppError 'context-full' with both numbers
 */
export function checkRoom(
  reach: Reach,
  promptTokens: number,
  maxTokens: number,
  whenFull: 'refuse' | 'slide',
): void {
  const offered = promptTokens + maxTokens;
  if (reach.limit === null || offered <= reach.limit) return;
  if (whenFull === 'slide' && reach.slides) return;
  throw new AppError(
    'context-full',
    `The context is full: ${String(promptTokens)} tokens and an answer of up to ${String(maxTokens)} make ${String(offered)}; ${String(reach.limit)} fit.`,
    reach.slides
      ? 'Let older turns slide out (--when-full slide), start a new conversation, or ask for a shorter answer.'
      : 'Start a new conversation, ask for a shorter answer, or use the plan "window" or "adapted".',
    { details: { offered, limit: reach.limit } },
  );
}
