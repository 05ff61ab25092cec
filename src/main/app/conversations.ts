/** Conversations: listed, shown, changed, searched, and their way into the trash and out of it. */
import { AppError } from '../../shared/errors.ts';
import type { Conversation, ConversationId, LibraryId } from '../../shared/model/index.ts';
import type {
  Args,
  ConversationDetails,
  ConversationSummary,
  Handlers,
  SearchHit,
} from '../../shared/rpc/index.ts';
import type { ConversationChange, Store } from '../store/index.ts';
import type { AppEvents } from './events.ts';
import { branchOf } from './exports/tree.ts';

const DEFAULT_LIMIT = 100;
const DEFAULT_HITS = 20;
/** messages that fill a window, mostly */
const LATEST = 12;

export class Conversations {
  readonly #store: Store;
  readonly #events: AppEvents;

  constructor(store: Store, events: AppEvents) {
    this.#store = store;
    this.#events = events;
  }

  /** Pinned ones first, then the one with the latest message. */
  list(options: Args<'conversations.list'>): Promise<readonly ConversationSummary[]> {
    const { limit = DEFAULT_LIMIT, offset = 0, trashed = false } = options;
    return this.#store.conversations({ limit, offset, trashed });
  }

  /** An empty one; its first question gives it a title. @throws AppError 'not-found' (library, folder) */
  async create({ library, folder }: Args<'conversations.create'>): Promise<Conversation> {
    const libraryId = library === undefined ? null : await this.#libraryId(library);
    const fields = { title: '', systemPrompt: '', libraryId, folderId: folder ?? null };
    return this.#changed(this.#store.createConversation(fields));
  }

  /** @throws AppError 'not-found' */
  async show({ id, messages: wanted }: Args<'conversations.show'>): Promise<ConversationDetails> {
    const conversation = await this.require(id);
    const library = await this.#libraryName(conversation.libraryId);
    const details = { conversation, library, messageCount: await this.#store.messageCount(id) };
    if (wanted === 'none') return { ...details, messages: [], branch: [] };
    const messages = await this.#store.messages(id, {
      passagesText: wanted === undefined,
      ...(wanted === 'latest' ? { latest: LATEST } : {}),
    });
    const branch = wanted === undefined ? branchOf(messages, conversation.currentId) : [];
    return { ...details, messages, branch };
  }

  /** What is named changes. @throws AppError 'not-found'; 'conflict' for the library of one that was asked already */
  async change({ id, ...change }: Args<'conversations.change'>): Promise<Conversation> {
    const conversation = await this.require(id);
    const { folder, library, shown, parameters, ...rest } = change;
    const fields: { -readonly [K in keyof ConversationChange]: ConversationChange[K] } = withoutAbsent(rest);
    if (parameters !== undefined) fields.parameters = parameters === null ? null : withoutAbsent(parameters);
    if (folder !== undefined) fields.folderId = folder;
    if (library !== undefined) {
      const libraryId = library === null ? null : await this.#libraryId(library);
      if (libraryId !== conversation.libraryId) assertNothingAsked(conversation);
      fields.libraryId = libraryId;
    }
    const work = this.#store.updateConversation(id, fields);
    return this.#changed(shown === undefined ? work : work.then(() => this.#store.showBranch(id, shown)));
  }

  search(query: string, limit = DEFAULT_HITS): Promise<readonly SearchHit[]> {
    return this.#store.searchMessages(query, limit);
  }

  /** @throws AppError 'not-found' */
  async require(id: ConversationId): Promise<Conversation> {
    const conversation = await this.#store.conversation(id);
    if (conversation !== null) return conversation;
    throw new AppError('not-found', `There is no conversation ${id}.`, 'See `longleaf conversations list`.');
  }

  async #changed<T>(work: Promise<T>): Promise<T> {
    const result = await work;
    this.#events.emit({ kind: 'conversations' });
    return result;
  }

  async #libraryId(name: string): Promise<LibraryId> {
    const library = await this.#store.library(name);
    if (library !== null) return library.id;
    throw new AppError('not-found', `There is no library "${name}".`, 'See `longleaf library list`.');
  }

  async #libraryName(id: LibraryId | null): Promise<string | null> {
    return id === null ? null : ((await this.#store.libraryById(id))?.name ?? null);
  }
}

export function conversationHandlers(
  conversations: Conversations,
): Pick<
  Handlers,
  | 'conversations.list'
  | 'conversations.create'
  | 'conversations.show'
  | 'conversations.change'
  | 'conversations.search'
> {
  return {
    'conversations.list': (args) => conversations.list(args),
    'conversations.create': (args) => conversations.create(args),
    'conversations.show': (args) => conversations.show(args),
    'conversations.change': (args) => conversations.change(args),
    'conversations.search': ({ query, limit }) => conversations.search(query, limit),
  };
}

/** Another library would make the answers that are there about something else. */
function assertNothingAsked(conversation: Conversation): void {
  if (conversation.currentId === null) return;
  throw new AppError(
    'conflict',
    'The library of a conversation is settled by its first question.',
    'Start a new chat for another library.',
  );
}

/** 'absent' is the same as 'not named', whichever way the caller says it */
function withoutAbsent<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const named = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(named) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
