import { AppError } from '../../shared/errors.ts';
import type { Conversation, ConversationId, Message, MessageId } from '../../shared/model/index.ts';
import type { Conversations } from './conversations.ts';
import type { Db } from './database.ts';
import { isId, newId } from './ids.ts';
import type { Messages } from './messages.ts';
import { encodeText } from './text.ts';
import type { ImportedConversation, ImportSource } from './types.ts';

/** Whole conversations that come from a file. */
export class Imports {
  readonly #db: Db;
  readonly #conversations: Conversations;
  readonly #messages: Messages;

  constructor(db: Db, conversations: Conversations, messages: Messages) {
    this.#db = db;
    this.#conversations = conversations;
    this.#messages = messages;
  }

  find(source: Pick<ImportSource, 'source' | 'id'>): { conversationId: ConversationId; hash: string } | null {
    const row = this.#db
      .prepare<[string, string | Buffer], { conversation_id: ConversationId; hash: string }>(
        'SELECT conversation_id, hash FROM imports WHERE source = ? AND source_id = ?',
      )
      .get(source.source, encodeText(source.id));
    return row === undefined ? null : { conversationId: row.conversation_id, hash: row.hash };
  }

  /** @throws AppError 'invalid-input' when a message answers one that does not come before it */
  put({ conversation, messages, source }: ImportedConversation): Conversation {
    const id = this.#freeId('conversations', conversation.id) as ConversationId;
    const ids = new Map<MessageId, MessageId>();
    this.#db.transaction(() => {
      this.#conversations.insert({
        ...conversation,
        id,
        libraryId: this.#ifThere('libraries', conversation.libraryId),
        folderId: this.#ifThere('folders', conversation.folderId),
        currentId: null,
        createdAt: pastTime(conversation.createdAt),
        updatedAt: pastTime(conversation.updatedAt),
      });
      for (const message of messages) this.#putMessage(id, message, ids);
      const shown = ids.get(conversation.currentId ?? ('' as MessageId)) ?? [...ids.values()].at(-1) ?? null;
      this.#conversations.update(id, { currentId: shown });
      if (source !== null) this.#remember(source, id);
    })();
    return this.#conversations.require(id);
  }

  #putMessage(conversationId: ConversationId, message: Message, ids: Map<MessageId, MessageId>): void {
    const parentId = message.parentId === null ? null : ids.get(message.parentId);
    if (parentId === undefined)
      throw new AppError('invalid-input', 'A message of the file comes before the one that it answers.');
    if (ids.has(message.id))
      throw new AppError('invalid-input', `The file has two messages with the id ${message.id}.`);
    const id = this.#freeId('messages', message.id) as MessageId;
    ids.set(message.id, id);
    this.#messages.insert({
      ...message,
      id,
      conversationId,
      parentId,
      // what was being written when it was exported has ended since
      status: message.status === 'running' ? 'interrupted' : message.status,
      createdAt: pastTime(message.createdAt),
    });
  }

  #remember({ source, id, hash }: ImportSource, conversation: ConversationId): void {
    this.#db
      .prepare(
        'INSERT OR REPLACE INTO imports (source, source_id, hash, conversation_id) VALUES (?, ?, ?, ?)',
      )
      .run(source, encodeText(id), hash, conversation);
  }

  #freeId(table: 'conversations' | 'messages', id: string): string {
    const isFree = isId(id) && this.#db.prepare(`SELECT 1 FROM ${table} WHERE id = ?`).get(id) === undefined;
    return isFree ? id : newId();
  }

  #ifThere<Id extends string>(table: 'libraries' | 'folders', id: Id | null): Id | null {
    if (id === null) return null;
    return this.#db.prepare(`SELECT 1 FROM ${table} WHERE id = ?`).get(id) === undefined ? null : id;
  }
}

/** A time of a file as ours: ISO 8601, UTC, not in the future; what is no time is now. */
function pastTime(text: string): string {
  const now = Date.now();
  const time = Date.parse(text);
  return new Date(Number.isNaN(time) ? now : Math.min(time, now)).toISOString();
}
