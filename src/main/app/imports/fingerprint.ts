/** Whether two conversations say the same, whatever their ids and dates are. */
import { createHash } from 'node:crypto';
import type { ConversationTree } from '../exports/index.ts';

/** hex SHA-256 over title, system prompt and the tree of messages */
export function fingerprint({ conversation, messages }: ConversationTree): string {
  const places = new Map(messages.map((message, index) => [message.id as string, index]));
  const hash = createHash('sha256');
  hash.update(JSON.stringify([conversation.title, conversation.systemPrompt]));
  for (const { parentId, role, content, status } of messages) {
    const parent = parentId === null ? -1 : (places.get(parentId) ?? -1);
    // what was being written when it was exported counts as interrupted once it is imported
    hash.update(JSON.stringify([parent, role, content, status === 'running' ? 'interrupted' : status]));
  }
  return hash.digest('hex');
}
