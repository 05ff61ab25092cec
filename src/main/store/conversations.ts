import type { Conversation, ConversationId, LibraryId, MessageId } from '../../shared/model/index.ts';
import { AppError } from '../../shared/errors.ts';
import type { Db } from './database.ts';
import { newId } from './ids.ts';
import { decodeText, encodeText } from './text.ts';
import type { Store } from './types.ts';

interface ConversationRow {
  id: ConversationId;
  title: string | Buffer;
  library_id: LibraryId | null;
  system_prompt: string | Buffer;
  current_id: MessageId | null;
  created_at: string;
  updated_at: string;
  deleted_at: string | null;
}

type Fields<Method extends keyof Store, Index extends 0 | 1> = Parameters<Store[Method]>[Index];

export class Conversations {
  readonly #db: Db;

  constructor(db: Db) {
    this.#db = db;
  }

  create(fields: Fields<'createConversation', 0>): Conversation {
    const id = newId() as ConversationId;
    if (fields.libraryId !== null) this.#assertLibrary(fields.libraryId);
    const now = new Date().toISOString();
    this.#db
      .prepare(
        `INSERT INTO conversations (id, activity, title, library_id, system_prompt, created_at, updated_at)
         VALUES (?, (SELECT coalesce(max(activity), 0) + 1 FROM conversations), ?, ?, ?, ?, ?)`,
      )
      .run(id, encodeText(fields.title), fields.libraryId, encodeText(fields.systemPrompt), now, now);
    return this.require(id);
  }

  get(id: ConversationId): Conversation | null {
    const row = this.#db
      .prepare<[string], ConversationRow>('SELECT * FROM conversations WHERE id = ?')
      .get(id);
    return row === undefined ? null : toConversation(row);
  }

  /** @throws AppError 'not-found' */
  require(id: ConversationId): Conversation {
    const found = this.get(id);
    if (found === null) throw conversationMissing(id);
    return found;
  }

  /** the one with the latest message first */
  list(options: Fields<'conversations', 0>): readonly Conversation[] {
    return this.#db
      .prepare<[number, number], ConversationRow>(
        `SELECT * FROM conversations WHERE deleted_at IS ${options.trashed ? 'NOT NULL' : 'NULL'}
         ORDER BY activity DESC LIMIT ? OFFSET ?`,
      )
      .all(options.limit, options.offset)
      .map(toConversation);
  }

  update(id: ConversationId, fields: Fields<'updateConversation', 1>): Conversation {
    const now = this.require(id);
    const next = { ...now, ...fields };
    if (next.libraryId !== null && next.libraryId !== now.libraryId) this.#assertLibrary(next.libraryId);
    if (next.currentId !== null && next.currentId !== now.currentId) this.#assertMessage(id, next.currentId);
    this.#db
      .prepare(
        'UPDATE conversations SET title = ?, library_id = ?, system_prompt = ?, current_id = ? WHERE id = ?',
      )
      .run(encodeText(next.title), next.libraryId, encodeText(next.systemPrompt), next.currentId, id);
    return this.require(id);
  }

  /** deleting what is deleted keeps the first date: undo lists sort by it */
  setTrashed(id: ConversationId, trashed: boolean): void {
    const deletedAt = trashed ? new Date().toISOString() : null;
    const statement = trashed
      ? 'UPDATE conversations SET deleted_at = coalesce(deleted_at, ?) WHERE id = ?'
      : 'UPDATE conversations SET deleted_at = ? WHERE id = ?';
    if (this.#db.prepare(statement).run(deletedAt, id).changes === 0) throw conversationMissing(id);
  }

  /** moves it to the top of the list; by a counter, since clocks go back */
  touch(id: ConversationId): void {
    this.#db
      .prepare(
        `UPDATE conversations SET updated_at = ?,
           activity = (SELECT max(activity) FROM conversations) + 1 WHERE id = ?`,
      )
      .run(new Date().toISOString(), id);
  }

  #assertLibrary(id: LibraryId): void {
    if (this.#db.prepare('SELECT 1 FROM libraries WHERE id = ?').get(id) !== undefined) return;
    throw new AppError('not-found', `There is no library with the id ${id}.`, 'List them: library list.');
  }

  #assertMessage(conversation: ConversationId, message: MessageId): void {
    const found = this.#db
      .prepare('SELECT 1 FROM messages WHERE id = ? AND conversation_id = ?')
      .get(message, conversation);
    if (found === undefined)
      throw new AppError('not-found', `Conversation ${conversation} has no message ${message}.`);
  }
}

export function conversationMissing(id: string): AppError {
  return new AppError(
    'not-found',
    `There is no conversation with the id ${id}.`,
    'List them: conversations list.',
  );
}

function toConversation(row: ConversationRow): Conversation {
  return {
    id: row.id,
    title: decodeText(row.title),
    libraryId: row.library_id,
    systemPrompt: decodeText(row.system_prompt),
    currentId: row.current_id,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    deletedAt: row.deleted_at,
  };
}
