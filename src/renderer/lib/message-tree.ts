/** The messages of a conversation are a tree: an edit or another answer stands beside the first, under one parent. */
import type { Message, MessageId } from '../../shared/model/index.ts';

/** From the first message to `currentId`, oldest first; system messages are not shown. */
export function branchOf(messages: readonly Message[], currentId: MessageId | null): Message[] {
  const byId = new Map<string, Message>(messages.map((message) => [message.id, message]));
  const branch: Message[] = [];
  const seen = new Set<string>();
  for (let id = currentId; id !== null && !seen.has(id);) {
    seen.add(id);
    const message = byId.get(id);
    if (message === undefined) break;
    branch.push(message);
    id = message.parentId;
  }
  return branch.reverse().filter(({ role }) => role !== 'system');
}

/**
 * What is known of a tree, and what has come of it now: in no order. A message that is still what it was stays the same
 * object, so that nothing made of it is made again.
 */
export function mergeMessages(known: readonly Message[], come: readonly Message[]): Message[] {
  const byId = new Map<string, Message>(known.map((message) => [message.id, message]));
  for (const message of come) {
    const before = byId.get(message.id);
    if (before === undefined || JSON.stringify(before) !== JSON.stringify(message))
      byId.set(message.id, message);
  }
  return [...byId.values()];
}

/** Ids of the messages beside each message (itself included), oldest first; only where there are several. */
export function siblingsOf(messages: readonly Message[]): ReadonlyMap<MessageId, readonly MessageId[]> {
  const children = new Map<string, Message[]>();
  for (const message of messages) {
    const key = `${message.parentId ?? ''}:${message.role}`;
    const group = children.get(key);
    if (group === undefined) children.set(key, [message]);
    else group.push(message);
  }
  const siblings = new Map<MessageId, readonly MessageId[]>();
  for (const group of children.values()) {
    if (group.length < 2) continue;
    const ids = group.toSorted(byAge).map(({ id }) => id);
    for (const id of ids) siblings.set(id, ids);
  }
  return siblings;
}

/** The last message of the branch that goes on from `id` by the newest child each time. */
export function newestLeaf(messages: readonly Message[], id: MessageId): MessageId {
  const newest = new Map<string, Message>();
  for (const message of messages) {
    const known = newest.get(message.parentId ?? '');
    if (known === undefined || byAge(known, message) < 0) newest.set(message.parentId ?? '', message);
  }
  const seen = new Set<string>([id]);
  let leaf = id;
  for (let next = newest.get(leaf); next !== undefined && !seen.has(next.id); next = newest.get(leaf)) {
    seen.add(next.id);
    leaf = next.id;
  }
  return leaf;
}

function byAge(a: Message, b: Message): number {
  // ISO 8601 and ULIDs sort by their code units; collation would take a hundred times as long
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt ? -1 : 1;
  return a.id < b.id ? -1 : 1;
}
