/** A conversation with everything that belongs to it, as exports take it. */
import type { Conversation, Message } from '../../../shared/model/index.ts';

export interface ConversationTree {
  readonly conversation: Conversation;
  /** name of its library */
  readonly library: string | null;
  /** name of its folder */
  readonly folder: string | null;
  /** all branches, oldest first */
  readonly messages: readonly Message[];
}

/** From the first message to the one that is shown: the branch of `currentId`, oldest first. */
export function branchOf(messages: readonly Message[], currentId: string | null): Message[] {
  const byId = new Map<string, Message>(messages.map((message) => [message.id, message]));
  const branch: Message[] = [];
  let id: string | null = currentId;
  while (id !== null && branch.length <= messages.length) {
    const message = byId.get(id);
    if (message === undefined) break;
    branch.push(message);
    id = message.parentId;
  }
  return branch.reverse();
}

/** The messages that a reader sees. */
export function shownMessages(tree: ConversationTree): Message[] {
  const branch = branchOf(tree.messages, tree.conversation.currentId);
  return branch.filter((message) => message.role !== 'system');
}

export function titleOf(tree: ConversationTree): string {
  const title = oneLine(tree.conversation.title);
  return title === '' ? 'Conversation' : title;
}

/** white space of any kind becomes one space; what has no width or turns the direction of writing goes */
export function oneLine(text: string): string {
  return text
    .replace(/[\p{Bidi_Control}\uFEFF]/gu, '')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
}
