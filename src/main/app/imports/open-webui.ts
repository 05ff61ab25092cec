/** Open WebUI: an array of chats, each with its messages by id; an older one is the chat itself, or a flat list. */
import { listOf, recordOf, textOf, timeOf, wordsOf, type Json } from './json-values.ts';
import type { ForeignConversation, ForeignMessage } from './tree.ts';

export function fromOpenWebui(item: Json): ForeignConversation {
  const chat = item['chat'] === undefined ? item : recordOf(item['chat']);
  const history = recordOf(chat['history']);
  const byId = Object.entries(recordOf(history['messages']));
  const messages =
    byId.length > 0 ? byId.map(([id, message]) => messageOf(id, recordOf(message))) : flat(chat);
  return {
    title: wordsOf(chat['title']) ?? wordsOf(item['title']),
    createdAt: timeOf(item['created_at']) ?? timeOf(chat['timestamp']),
    updatedAt: timeOf(item['updated_at']),
    systemPrompt: textOf(recordOf(chat['params'])['system']) ?? textOf(chat['system']),
    pinned: item['pinned'] === true,
    currentId: textOf(history['currentId']),
    messages,
  };
}

/** each follows the one before it */
function flat(chat: Json): ForeignMessage[] {
  let before: string | null = null;
  return listOf(chat['messages']).map((value, index) => {
    const raw = recordOf(value);
    const message = messageOf(wordsOf(raw['id']) ?? `message ${String(index + 1)}`, raw);
    const parentId = message.parentId ?? before;
    before = message.id;
    return { ...message, parentId };
  });
}

function messageOf(id: string, message: Json): ForeignMessage {
  const role = message['role'];
  return {
    id,
    parentId: textOf(message['parentId']),
    role: role === 'user' || role === 'assistant' || role === 'system' ? role : null,
    content: contentOf(message),
    createdAt: timeOf(message['timestamp']),
    model: wordsOf(message['model']),
    finished: message['done'] !== false,
  };
}

function contentOf(message: Json): string {
  const { content } = message;
  const text =
    typeof content === 'string'
      ? content
      : listOf(content)
          .map(
            (part) => textOf(recordOf(part)['text']) ?? `[${textOf(recordOf(part)['type']) ?? 'attachment'}]`,
          )
          .join('\n\n');
  const files = listOf(message['files']).map((file) => {
    const name = wordsOf(recordOf(file)['name']);
    return name === null ? '[file]' : `[file: ${name}]`;
  });
  return [text, ...files].filter((part) => part !== '').join('\n\n');
}
