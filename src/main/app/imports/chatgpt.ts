/** ChatGPT: `conversations.json` of its data export, or its parts `conversations-*.json`: a tree of nodes. */
import type { Message } from '../../../shared/model/index.ts';
import { listOf, recordOf, textOf, timeOf, wordsOf, type Json } from './json-values.ts';
import type { ForeignConversation, ForeignMessage } from './tree.ts';

export function fromChatgpt(item: Json): ForeignConversation {
  const model = wordsOf(item['default_model_slug']);
  return {
    title: wordsOf(item['title']),
    createdAt: timeOf(item['create_time']),
    updatedAt: timeOf(item['update_time']),
    systemPrompt: null,
    pinned: item['is_starred'] === true,
    currentId: textOf(item['current_node']),
    messages: Object.entries(recordOf(item['mapping'])).map(([id, node]) =>
      nodeOf(id, recordOf(node), model),
    ),
  };
}

export function chatgptId(item: Json): string | null {
  return wordsOf(item['conversation_id']) ?? wordsOf(item['id']);
}

function nodeOf(id: string, node: Json, defaultModel: string | null): ForeignMessage {
  const message = recordOf(node['message']);
  const metadata = recordOf(message['metadata']);
  const content = contentOf(message);
  const hidden = metadata['is_visually_hidden_from_conversation'] === true || content === '';
  return {
    id,
    parentId: textOf(node['parent']),
    role: hidden ? null : roleOf(message),
    content,
    createdAt: timeOf(message['create_time']),
    model: wordsOf(metadata['model_slug']) ?? defaultModel,
    finished: message['status'] !== 'in_progress',
  };
}

/** what a tool says belongs to the answer that called it */
function roleOf(message: Json): Message['role'] | null {
  const role = recordOf(message['author'])['role'];
  if (role === 'user') return 'user';
  return role === 'assistant' || role === 'tool' ? 'assistant' : null;
}

function contentOf(message: Json): string {
  const content = recordOf(message['content']);
  const kind = textOf(content['content_type']) ?? 'text';
  const parts = listOf(content['parts'])
    .map(partText)
    .filter((part) => part !== '');
  if (kind === 'thoughts' || kind === 'reasoning_recap' || kind === 'user_editable_context') return '';
  if (kind === 'code' || kind === 'execution_output')
    return codeBlock(textOf(content['text']) ?? parts.join('\n'));
  if (parts.length > 0) return parts.join('\n\n');
  return wordsOf(content['text']) ?? wordsOf(content['result']) ?? (kind === 'text' ? '' : `[${kind}]`);
}

/** a part that is no text (an image, a recording) leaves a word where it was */
function partText(part: unknown): string {
  if (typeof part === 'string') return part;
  const { content_type: kind, text } = recordOf(part);
  return textOf(text) ?? `[${(textOf(kind) ?? 'attachment').replaceAll('_', ' ')}]`;
}

function codeBlock(code: string): string {
  const longest = Math.max(2, ...(code.match(/`{3,}/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  return code.trim() === '' ? '' : `${fence}\n${code}\n${fence}`;
}
