/** Conversations as a list, one by one, searched, exported and imported. */
import { readFile, stat } from 'node:fs/promises';
import { AppError } from '../../shared/errors.ts';
import type { Conversation, ConversationId, Message, MessageId } from '../../shared/model/index.ts';
import type {
  ConversationDetails,
  ConversationSummary,
  ExportedConversation,
  SearchHit,
} from '../../shared/rpc/index.ts';
import type { Store } from '../store/index.ts';
import { branchOf, exportFileName, exportJson, exportMarkdown, parseExport } from './export.ts';

const DEFAULT_LIMIT = 100;
const DEFAULT_HITS = 20;
/** a conversation of a million words is about 10 MB */
const LARGEST_IMPORT = 256 * 2 ** 20;

export class Conversations {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** the one with the latest message first */
  async list(options: {
    limit?: number | undefined;
    offset?: number | undefined;
  }): Promise<ConversationSummary[]> {
    const { limit = DEFAULT_LIMIT, offset = 0 } = options;
    const conversations = await this.#store.conversations({ limit, offset, trashed: false });
    return Promise.all(
      conversations.map(async (conversation) => ({
        conversation,
        messages: (await this.#store.messages(conversation.id)).length,
      })),
    );
  }

  /** @throws AppError 'not-found' */
  async show(id: ConversationId): Promise<ConversationDetails> {
    const conversation = await this.#require(id);
    const messages = await this.#store.messages(id);
    return { conversation, messages, branch: branchOf(messages, conversation.currentId) };
  }

  search(query: string, limit = DEFAULT_HITS): Promise<readonly SearchHit[]> {
    return this.#store.searchMessages(query, limit);
  }

  /** @throws AppError 'not-found' */
  async export(id: ConversationId, format: 'md' | 'json'): Promise<ExportedConversation> {
    const { conversation, messages } = await this.show(id);
    const { libraryId } = conversation;
    const library = libraryId === null ? null : ((await this.#store.libraryById(libraryId))?.name ?? null);
    const content =
      format === 'md'
        ? exportMarkdown(conversation, messages, library)
        : exportJson(conversation, messages, library, new Date().toISOString());
    return { format, fileName: exportFileName(conversation, format), content };
  }

  /**
   * Reads an export back as a new conversation, with every branch.
   * @throws AppError 'not-found', 'invalid-input'
   */
  async import(file: string): Promise<ConversationSummary> {
    const exported = parseExport(await readImport(file));
    const library = exported.library === null ? null : await this.#store.library(exported.library);
    const created = await this.#store.createConversation({
      title: exported.conversation.title,
      systemPrompt: exported.conversation.systemPrompt,
      libraryId: library?.id ?? null,
    });
    const ids = new Map<string, MessageId>();
    for (const message of exported.messages) ids.set(message.id, await this.#copy(created, message, ids));
    const currentId = ids.get(exported.conversation.currentId ?? '') ?? null;
    const conversation = await this.#store.updateConversation(created.id, { currentId });
    return { conversation, messages: ids.size };
  }

  /** to the trash */
  async delete(id: ConversationId): Promise<void> {
    await this.#require(id);
    await this.#store.trashConversation(id);
  }

  async #copy(into: Conversation, message: Message, ids: ReadonlyMap<string, MessageId>): Promise<MessageId> {
    const parentId = message.parentId === null ? null : ids.get(message.parentId);
    if (parentId === undefined) {
      throw new AppError('invalid-input', 'A message of the export comes before the one it answers.');
    }
    const { role, content, passagesText } = message;
    // An answer that was under way when it was exported has ended since.
    const status = message.status === 'running' ? 'interrupted' : message.status;
    const copy = await this.#store.addMessage({
      conversationId: into.id,
      parentId,
      role,
      content,
      status,
      ...(passagesText === undefined ? {} : { passagesText }),
    });
    if (role === 'assistant') {
      const { model, backend, plan, parameters, receipt, citations, timings } = message;
      const fields = { model, backend, plan, parameters, receipt, citations, timings };
      const known = Object.entries(fields).filter(([, value]) => value !== undefined);
      await this.#store.updateAnswer(copy.id, { ...Object.fromEntries(known), content, status });
    }
    return copy.id;
  }

  async #require(id: ConversationId): Promise<Conversation> {
    const conversation = await this.#store.conversation(id);
    if (conversation !== null) return conversation;
    throw new AppError('not-found', `There is no conversation ${id}.`, 'See `longleaf conversations list`.');
  }
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
