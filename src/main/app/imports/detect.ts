/** Whose export a file is, told by what stands in it: names of files say nothing. */
import { AppError } from '../../../shared/errors.ts';
import type { ImportReport } from '../../../shared/rpc/index.ts';
import { listOf, recordOf, type Json } from './json-values.ts';
import { longleafItems } from './longleaf.ts';

export interface FoundItems {
  readonly from: ImportReport['from'];
  readonly items: readonly unknown[];
}

/** by the field that only they have, in a conversation */
const marks: readonly (readonly [string, ImportReport['from']])[] = [
  ['mapping', 'chatgpt'],
  ['chat_messages', 'claude'],
  ['chat', 'open-webui'],
  ['history', 'open-webui'],
];

/** @throws AppError 'invalid-input' when nothing in it looks like a conversation; 'unsupported' for a newer version */
export function detect(value: unknown): FoundItems {
  const file = recordOf(value);
  const { format } = file;
  if (format === 'longleaf-conversation' || format === 'longleaf-conversations')
    return { from: 'longleaf', items: longleafItems(file) };
  const items = Array.isArray(value) ? listOf(value) : (listWithin(file) ?? [value]);
  for (const item of items) {
    const from = marks.find(([field]) => Object.hasOwn(recordOf(item), field))?.[1];
    if (from !== undefined) return { from, items };
  }
  throw new AppError(
    'invalid-input',
    'There are no conversations in the file that can be read.',
    'Choose an export of Longleaf (JSON), ChatGPT, Claude or Open WebUI, as JSON or ZIP.',
  );
}

/** some tools wrap the list: {"conversations": […]} */
function listWithin(file: Json): readonly unknown[] | null {
  for (const field of ['conversations', 'chats', 'data'])
    if (Array.isArray(file[field])) return listOf(file[field]);
  return null;
}
