/** Conversations as files, and files as conversations. */
import { readFile, stat } from 'node:fs/promises';
import { AppError } from '../../shared/errors.ts';
import type { Args, ExportedFile, Handlers, ImportReport } from '../../shared/rpc/index.ts';
import type { Store } from '../store/index.ts';
import type { Conversations } from './conversations.ts';
import type { AppEvents } from './events.ts';
import { exportFileName, exportJson, exportMarkdown, parseExport } from './export.ts';

/** a conversation of a million words is about 10 MB */
const LARGEST_IMPORT = 256 * 2 ** 20;

export interface ConversationFilesConfig {
  readonly store: Store;
  readonly conversations: Conversations;
  readonly events: AppEvents;
}

export function conversationFileHandlers(
  config: ConversationFilesConfig,
): Pick<Handlers, 'conversations.export' | 'conversations.import'> {
  return {
    'conversations.export': (args) => exportOne(config, args),
    'conversations.import': ({ file }) => importOne(config, file),
  };
}

async function exportOne(
  { conversations }: ConversationFilesConfig,
  { ids, format }: Args<'conversations.export'>,
): Promise<ExportedFile> {
  const [id] = ids ?? [];
  if (id === undefined || ids?.length !== 1 || (format !== 'md' && format !== 'json'))
    throw new AppError('unsupported', 'One conversation, as md or json, can be exported so far.');
  const { conversation, messages, library } = await conversations.show(id);
  const content =
    format === 'md'
      ? exportMarkdown(conversation, messages, library)
      : exportJson(conversation, messages, library, new Date().toISOString());
  return {
    fileName: exportFileName(conversation, format),
    mediaType: format === 'md' ? 'text/markdown' : 'application/json',
    encoding: 'utf8',
    content,
  };
}

async function importOne({ store, events }: ConversationFilesConfig, file: string): Promise<ImportReport> {
  const exported = parseExport(await readImport(file));
  const library = exported.library === null ? null : await store.library(exported.library);
  const conversation = await store.importConversation({
    conversation: { ...exported.conversation, libraryId: library?.id ?? null },
    messages: exported.messages,
    source: null,
  });
  await store.sortConversations();
  events.emit({ kind: 'conversations' });
  const summary = { conversation, messages: exported.messages.length, library: library?.name ?? null };
  return { from: 'longleaf', conversations: [summary], unchanged: 0, failed: [] };
}

async function readImport(file: string): Promise<string> {
  const found = await stat(file).catch(() => null);
  if (found?.isFile() !== true)
    throw new AppError('not-found', `There is no file ${file}.`, 'Check the path.');
  if (found.size > LARGEST_IMPORT) {
    throw new AppError(
      'invalid-input',
      `${file} is too large for a conversation.`,
      'Choose a file made by conversations export.',
    );
  }
  return readFile(file, 'utf8');
}
