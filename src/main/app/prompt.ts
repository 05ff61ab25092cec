/**
 * Writes prompts as token ids. Literal text of the model's chat template is encoded with its special tokens;
 * whatever comes from documents, passages and people is encoded as plain text, so that none of it can forge a turn.
 *
 * The template sees placeholders instead of content, and ids take their places afterwards: a library of a million
 * tokens never passes through the template's interpreter, and every piece of content keeps the ids that
 * were stored for it.
 */
import { AppError } from '../../shared/errors.ts';
import type { ChatMessage, ChatTemplate, Tokenizer } from '../tokenizer/index.ts';

/** What a stretch of the prompt is, for the receipt. */
export type SpanKind = 'overhead' | 'document' | 'turn' | 'passages' | 'question';

export interface PromptPiece {
  readonly kind: SpanKind;
  /** document hash, turn label; empty for overhead */
  readonly key: string;
  readonly ids: Int32Array;
}

/** A span of the prompt in token positions, end exclusive. */
export interface PromptSpan {
  readonly kind: SpanKind;
  readonly key: string;
  readonly start: number;
  readonly end: number;
}

export interface Prompt {
  readonly ids: Int32Array;
  readonly spans: readonly PromptSpan[];
}

/** One message of the prompt: its content in pieces. */
export interface PromptMessage {
  readonly role: ChatMessage['role'];
  readonly pieces: readonly PromptPiece[];
}

export interface PromptWriter {
  /** plain text to ids: special tokens in it stay text */
  readonly text: (text: string) => Int32Array;
  /**
   * What stands between two documents: the template's own joint of two system messages where it has one (special
   * tokens), else a blank line.
   */
  readonly joint: Int32Array;
  /** the whole prompt, up to where the answer begins */
  readonly write: (messages: readonly PromptMessage[], options?: { answerFollows?: boolean }) => Prompt;
}

/** Characters of the private use area: no template changes them, and no content reaches the template. */
const OPEN = '\uE000';
const CLOSE = '\uE001';
const PLACEHOLDER = /\uE000(\d+)\uE001/g;

const placeholder = (index: number): string => `${OPEN}${String(index)}${CLOSE}`;

type Layout = 'several system messages' | 'one system message' | 'no system message';

/**
 * Finds out once how the template takes system messages, and writes prompts accordingly.
 * @throws AppError 'unsupported' when the template drops or reorders messages in every layout
 */
export function createPromptWriter(tokenizer: Tokenizer, template: ChatTemplate): PromptWriter {
  const text = (content: string): Int32Array => tokenizer.encode(content);
  const literal = (content: string): Int32Array => tokenizer.encode(content, { special: true });
  const layout = findLayout(template);
  return {
    text,
    joint: layout === 'several system messages' ? literal(systemJoint(template)) : text('\n\n'),
    write: (messages, options) => {
      const laidOut = arrange(messages, layout, text('\n\n'));
      const rendered = renderPlaceholders(template, laidOut, options?.answerFollows ?? true);
      const pieces: PromptPiece[] = [];
      for (const part of rendered) {
        if (typeof part === 'string') pieces.push({ kind: 'overhead', key: '', ids: literal(part) });
        else pieces.push(...(laidOut[part]?.pieces ?? []));
      }
      return concatenate(withBos(pieces, tokenizer));
    },
  };
}

/** Joins pieces to ids and spans; neighbours of one kind and key become one span. */
export function concatenate(pieces: readonly PromptPiece[]): Prompt {
  const total = pieces.reduce((sum, piece) => sum + piece.ids.length, 0);
  const ids = new Int32Array(total);
  const spans: PromptSpan[] = [];
  let at = 0;
  for (const piece of pieces) {
    if (piece.ids.length === 0) continue;
    ids.set(piece.ids, at);
    const end = at + piece.ids.length;
    const last = spans.at(-1);
    if (last?.kind === piece.kind && last.key === piece.key) spans[spans.length - 1] = { ...last, end };
    else spans.push({ kind: piece.kind, key: piece.key, start: at, end });
    at = end;
  }
  return { ids, spans };
}

function withBos(pieces: readonly PromptPiece[], tokenizer: Tokenizer): readonly PromptPiece[] {
  const first = pieces.find((piece) => piece.ids.length > 0)?.ids[0];
  if (!tokenizer.addBos || tokenizer.bos === null || first === tokenizer.bos) return pieces;
  return [{ kind: 'overhead', key: '', ids: Int32Array.of(tokenizer.bos) }, ...pieces];
}

const PROBE: readonly ChatMessage['role'][] = ['system', 'system', 'user', 'assistant', 'user'];

function findLayout(template: ChatTemplate): Layout {
  const layouts: readonly Layout[] = ['several system messages', 'one system message', 'no system message'];
  for (const layout of layouts) {
    const probe = arrange(
      PROBE.map((role) => ({ role, pieces: [] })),
      layout,
      new Int32Array(0),
    );
    if (keepsOrder(template, probe)) return layout;
  }
  throw new AppError(
    'unsupported',
    'The chat template of this model drops or reorders messages.',
    'Choose another model.',
  );
}

function keepsOrder(template: ChatTemplate, messages: readonly PromptMessage[]): boolean {
  try {
    const found = renderPlaceholders(template, messages, true).filter((part) => typeof part === 'number');
    return found.length === messages.length && found.every((index, i) => index === i);
  } catch (error) {
    // A template raises an exception of its own for roles it does not take.
    if (error instanceof AppError && error.code === 'invalid-input') return false;
    throw error;
  }
}

/** The literal text between two system messages; '' never happens where both are kept apart. */
function systemJoint(template: ChatTemplate): string {
  const parts = renderPlaceholders(
    template,
    PROBE.map((role) => ({ role, pieces: [] })),
    true,
  );
  return parts
    .slice(parts.indexOf(0) + 1, parts.indexOf(1))
    .filter((part) => typeof part === 'string')
    .join('');
}

/**
 * System messages as the template can take them: apart; or those at the beginning in one, and later ones (passages) before
 * the question that follows them; or all before the question that follows them.
 */
function arrange(
  messages: readonly PromptMessage[],
  layout: Layout,
  blankLine: Int32Array,
): readonly PromptMessage[] {
  if (layout === 'several system messages') return messages;
  const gap: PromptPiece = { kind: 'overhead', key: '', ids: blankLine };
  const joined = (parts: readonly PromptMessage[]): PromptPiece[] =>
    parts.flatMap((message, i) => (i === 0 ? message.pieces : [gap, ...message.pieces]));
  const arranged: PromptMessage[] = [];
  let waiting: PromptMessage[] = [];
  for (const message of messages) {
    if (message.role === 'system') {
      waiting.push(message);
      continue;
    }
    if (arranged.length === 0 && layout === 'one system message' && waiting.length > 0) {
      // Passages of the first question stand with it, so that the first message stays the same in every turn.
      const passages = waiting.filter(isPassages);
      const fixed = waiting.filter((one) => !isPassages(one));
      if (fixed.length > 0) arranged.push({ role: 'system', pieces: joined(fixed) });
      waiting = passages;
    }
    arranged.push({ role: message.role, pieces: joined([...waiting, message]) });
    waiting = [];
  }
  if (waiting.length > 0) {
    arranged.push({ role: layout === 'one system message' ? 'system' : 'user', pieces: joined(waiting) });
  }
  return arranged;
}

function isPassages(message: PromptMessage): boolean {
  return message.pieces.some((piece) => piece.kind === 'passages' || piece.kind === 'turn');
}

/** The rendered chat as literal texts and indices of messages, in order. */
function renderPlaceholders(
  template: ChatTemplate,
  messages: readonly PromptMessage[],
  answerFollows: boolean,
): (string | number)[] {
  const segments = template.render(
    messages.map(({ role }, i) => ({ role, content: placeholder(i) })),
    { addGenerationPrompt: answerFollows },
  );
  const rendered = segments.map((segment) => segment.text).join('');
  const parts: (string | number)[] = [];
  let at = 0;
  for (const match of rendered.matchAll(PLACEHOLDER)) {
    if (match.index > at) parts.push(rendered.slice(at, match.index));
    parts.push(Number(match[1]));
    at = match.index + match[0].length;
  }
  if (at < rendered.length) parts.push(rendered.slice(at));
  return parts;
}
