/** What exports for reading say about an answer: where a citation stands, what was read, how the answer ended. */
import type { Citation, Message, MessageStatus, Receipt } from '../../../shared/model/index.ts';
import { oneLine, type ConversationTree } from './tree.ts';

/** path, section and lines, as plain text */
export function placeOf(citation: Citation): string {
  const { lineStart, lineEnd = lineStart, section } = citation;
  const parts = [oneLine(citation.path)];
  if (section !== undefined && section !== '') parts.push(oneLine(section));
  if (lineStart !== undefined)
    parts.push(
      lineStart === lineEnd
        ? `line ${String(lineStart)}`
        : `lines ${String(lineStart)}-${String(lineEnd ?? lineStart)}`,
    );
  else parts.push(`characters ${String(citation.start)}-${String(citation.end)}`);
  return parts.join(', ');
}

/** e.g. "1,234 of 1,300 tokens read, 66 pending, 0 dropped" */
export function receiptLine(receipt: Receipt): string {
  const { offered, reused, read, pending, dropped } = receipt;
  const parts = [`${count(reused + read)} of ${count(offered)} tokens read`];
  if (pending > 0) parts.push(`${count(pending)} pending`);
  parts.push(`${count(dropped)} dropped`);
  return parts.join(', ');
}

const endings: Readonly<Record<MessageStatus, string | null>> = {
  done: null,
  running: 'The answer was still being written.',
  stopped: 'The answer was stopped here.',
  interrupted: 'The answer was interrupted here.',
  failed: 'The answer failed here.',
};

/** null = it ended by itself */
export function endingOf(message: Message): string | null {
  return message.role === 'assistant' ? endings[message.status] : null;
}

export function speakerOf(message: Message): string {
  if (message.role === 'user') return 'User';
  const model = oneLine(message.model ?? '');
  return model === '' ? 'Assistant' : `Assistant (${model})`;
}

/** what the conversation was about, and since when */
export function aboutLine({ conversation, library, folder }: ConversationTree): string {
  const parts = [
    library === null ? '' : `Library: ${oneLine(library)}`,
    folder === null ? '' : `Folder: ${oneLine(folder)}`,
    dateOf(conversation.createdAt),
  ];
  return parts.filter((part) => part !== '').join(' · ');
}

/** '2026-01-02 03:04 UTC'; '' for what is no date */
export function dateOf(iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? '' : `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function count(tokens: number): string {
  return tokens.toLocaleString('en-US');
}
