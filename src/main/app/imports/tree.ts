/**
 * From the messages of another app to a tree of ours: every branch is kept, whatever order, loops or gaps the file
 * has; what is no message (roots, hidden notes) is stepped over; the steps of one answer (a call, its output, the
 * words) become one message, since here a turn is a question and an answer.
 */
import { AppError } from '../../../shared/errors.ts';
import type { Conversation, ConversationId, Message, MessageId } from '../../../shared/model/index.ts';
import type { ConversationTree } from '../exports/index.ts';

export interface ForeignMessage {
  readonly id: string;
  readonly parentId: string | null;
  /** null = nothing to show; the messages after it follow the one before it */
  readonly role: Message['role'] | null;
  readonly content: string;
  readonly createdAt: string | null;
  readonly model: string | null;
  readonly finished: boolean;
}

export interface ForeignConversation {
  readonly title: string | null;
  readonly createdAt: string | null;
  readonly updatedAt: string | null;
  readonly systemPrompt: string | null;
  readonly pinned: boolean;
  readonly currentId: string | null;
  readonly messages: readonly ForeignMessage[];
}

const longestTitle = 1_000;

/** @throws AppError 'invalid-input' when there is no message in it */
export function treeOf(foreign: ForeignConversation): ConversationTree {
  const nodes = new Map(foreign.messages.map((message) => [message.id, message]));
  const kept = parentsFirst(byTime(foreign.messages).map((message) => attach(message, nodes)));
  if (kept.length === 0) throw new AppError('invalid-input', 'It has no messages.');
  const { messages, standsFor } = joinAnswers(kept);
  const current = foreign.currentId === null ? null : nearestShown(foreign.currentId, nodes);
  const times = messages.map((message) => message.createdAt).filter((time) => time !== null);
  const createdAt = foreign.createdAt ?? times[0] ?? new Date().toISOString();
  const id = '' as ConversationId;
  const conversation: Conversation = {
    id,
    title: (foreign.title ?? firstLine(messages)).slice(0, longestTitle),
    libraryId: null,
    folderId: null,
    pinned: foreign.pinned,
    draft: '',
    systemPrompt: foreign.systemPrompt ?? '',
    parameters: null,
    model: null,
    plan: null,
    currentId: ((current === null ? undefined : standsFor.get(current)) ??
      messages.at(-1)?.id ??
      null) as MessageId | null,
    createdAt,
    updatedAt: foreign.updatedAt ?? times.at(-1) ?? createdAt,
    deletedAt: null,
  };
  return {
    conversation,
    library: null,
    folder: null,
    messages: messages.map((message) => toMessage(message, id, createdAt)),
  };
}

/** Each message after the one it follows, otherwise in the order given; a loop is cut, a parent that is not there is none. */
export function parentsFirst<M extends { readonly id: string; readonly parentId: string | null }>(
  messages: readonly (M | null)[],
): M[] {
  const byId = new Map<string, M>();
  for (const message of messages)
    if (message !== null && !byId.has(message.id)) byId.set(message.id, message);
  const done = new Set<string>();
  const ordered: M[] = [];
  for (const start of byId.values()) {
    const chain: M[] = [];
    const inChain = new Set<string>();
    let next: M | undefined = start;
    while (next !== undefined && !done.has(next.id) && !inChain.has(next.id)) {
      chain.push(next);
      inChain.add(next.id);
      next = next.parentId === null ? undefined : byId.get(next.parentId);
    }
    for (const message of chain.reverse()) {
      const known = message.parentId === null || done.has(message.parentId);
      ordered.push(known ? message : { ...message, parentId: null });
      done.add(message.id);
    }
  }
  return ordered;
}

function byTime(messages: readonly ForeignMessage[]): ForeignMessage[] {
  // a message without a time keeps its place after the one before it
  let last = '';
  const timed = messages.map((message) => ({ message, time: (last = message.createdAt ?? last) }));
  return timed.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0)).map(({ message }) => message);
}

function attach(message: ForeignMessage, nodes: ReadonlyMap<string, ForeignMessage>): ForeignMessage | null {
  if (message.role === null) return null;
  return { ...message, parentId: message.parentId === null ? null : nearestShown(message.parentId, nodes) };
}

/** the message itself, or the nearest before it that is shown */
function nearestShown(id: string, nodes: ReadonlyMap<string, ForeignMessage>): string | null {
  const seen = new Set<string>();
  let now: string | null = id;
  while (now !== null && !seen.has(now)) {
    seen.add(now);
    const node = nodes.get(now);
    if (node === undefined) return null;
    if (node.role !== null) return now;
    now = node.parentId;
  }
  return null;
}

/** An assistant's message that alone follows another one of the assistant is part of it. */
function joinAnswers(messages: readonly ForeignMessage[]): {
  messages: ForeignMessage[];
  standsFor: Map<string, string>;
} {
  const followers = new Map<string, number>();
  for (const { parentId } of messages)
    if (parentId !== null) followers.set(parentId, (followers.get(parentId) ?? 0) + 1);
  const joined = new Map<string, ForeignMessage & { parts: string[] }>();
  const standsFor = new Map<string, string>();
  for (const message of messages) {
    const parentId = message.parentId === null ? null : (standsFor.get(message.parentId) ?? null);
    const before = parentId === null ? undefined : joined.get(parentId);
    const alone = message.parentId !== null && followers.get(message.parentId) === 1;
    if (before?.role === 'assistant' && message.role === 'assistant' && alone) {
      standsFor.set(message.id, before.id);
      before.parts.push(message.content);
      const { model, finished } = message;
      joined.set(before.id, { ...before, model: model ?? before.model, finished });
    } else {
      standsFor.set(message.id, message.id);
      joined.set(message.id, { ...message, parentId, parts: [message.content] });
    }
  }
  const whole = [...joined.values()].map(({ parts, ...message }) => ({
    ...message,
    content: parts.filter((part) => part !== '').join('\n\n'),
  }));
  return { messages: whole, standsFor };
}

function toMessage(message: ForeignMessage, conversationId: ConversationId, fallback: string): Message {
  return {
    id: message.id as MessageId,
    conversationId,
    parentId: message.parentId as MessageId | null,
    role: message.role ?? 'assistant',
    content: message.content,
    status: message.finished ? 'done' : 'interrupted',
    createdAt: message.createdAt ?? fallback,
    ...(message.role === 'assistant' && message.model !== null ? { model: message.model } : {}),
  };
}

function firstLine(messages: readonly ForeignMessage[]): string {
  const line = messages[0]?.content.trim().split('\n', 1)[0] ?? '';
  return line === '' ? 'Imported chat' : line.slice(0, 60).toWellFormed();
}
