/** Claude: `conversations.json` of its data export. A flat list, or a tree where messages name the one before them. */
import { listOf, recordOf, textOf, timeOf, wordsOf, type Json } from './json-values.ts';
import type { ForeignConversation, ForeignMessage } from './tree.ts';

export function fromClaude(item: Json): ForeignConversation {
  const messages = listOf(item['chat_messages']).map(recordOf);
  let before: string | null = null;
  return {
    title: wordsOf(item['name']),
    createdAt: timeOf(item['created_at']),
    updatedAt: timeOf(item['updated_at']),
    systemPrompt: null,
    pinned: item['is_starred'] === true,
    currentId: textOf(item['current_leaf_message_uuid']),
    messages: messages.map((message, index): ForeignMessage => {
      const id = wordsOf(message['uuid']) ?? `message ${String(index + 1)}`;
      const parentId = textOf(message['parent_message_uuid']) ?? before;
      before = id;
      return {
        id,
        parentId,
        role: roleOf(message),
        content: contentOf(message),
        createdAt: timeOf(message['created_at']),
        model: wordsOf(item['model']),
        finished: true,
      };
    }),
  };
}

function roleOf(message: Json): 'user' | 'assistant' | null {
  if (message['sender'] === 'human') return 'user';
  return message['sender'] === 'assistant' ? 'assistant' : null;
}

/** `text` says the same as `content`, where both are there */
function contentOf(message: Json): string {
  const parts = listOf(message['content']).map((part) => partText(recordOf(part)));
  const text = parts.filter((part) => part !== '').join('\n\n');
  const files = [...listOf(message['attachments']), ...listOf(message['files'])].map((file) => {
    const name = wordsOf(recordOf(file)['file_name']);
    return name === null ? '' : `[file: ${name}]`;
  });
  return [text === '' ? (textOf(message['text']) ?? '') : text, ...files]
    .filter((part) => part !== '')
    .join('\n\n');
}

function partText(part: Json): string {
  const kind = textOf(part['type']) ?? 'text';
  if (kind === 'text') return textOf(part['text']) ?? '';
  if (kind === 'thinking' || kind === 'token_budget') return '';
  const name = wordsOf(part['name']);
  return `[${kind.replaceAll('_', ' ')}${name === null ? '' : `: ${name}`}]`;
}
