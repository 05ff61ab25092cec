import { AppError } from '../../shared/errors.ts';
import type { ConversationId } from '../../shared/model/index.ts';
import { conversationMissing, type Conversations } from './conversations.ts';
import type { Db } from './database.ts';
import type { MessageIndex } from './message-index.ts';

/** Conversations that were deleted, and can still be had back. */
export class Trash {
  readonly #db: Db;
  readonly #conversations: Conversations;
  readonly #index: MessageIndex;

  constructor(db: Db, conversations: Conversations, index: MessageIndex) {
    this.#db = db;
    this.#conversations = conversations;
    this.#index = index;
  }

  /** deleting what is deleted keeps the first date: the time until it is gone for good counts from there */
  add(id: ConversationId): void {
    const now = new Date().toISOString();
    this.#set('UPDATE conversations SET deleted_at = coalesce(deleted_at, ?) WHERE id = ?', now, id);
  }

  restore(id: ConversationId): void {
    this.#set('UPDATE conversations SET deleted_at = ? WHERE id = ?', null, id);
  }

  /** those that were deleted before that time, or all */
  list(before?: string): readonly ConversationId[] {
    return this.#db
      .prepare<{ before: string | null }, ConversationId>(
        `SELECT id FROM conversations
         WHERE deleted_at IS NOT NULL AND (@before IS NULL OR deleted_at < @before) ORDER BY deleted_at`,
      )
      .pluck()
      .all({ before: before ?? null });
  }

  /** @throws AppError 'not-found'; 'conflict' for one that is not in the trash */
  purge(id: ConversationId): void {
    if (this.#conversations.require(id).deletedAt === null)
      throw new AppError(
        'conflict',
        'Only what is in the trash can be removed for good.',
        'Delete the conversation first.',
      );
    this.#db.transaction(() => {
      const rows = this.#db
        .prepare<[string], number>('SELECT seq FROM messages WHERE conversation_id = ?')
        .pluck()
        .all(id);
      for (const seq of rows) this.#index.remove(seq);
      // its messages go with it
      this.#db.prepare('DELETE FROM conversations WHERE id = ?').run(id);
    })();
  }

  dropEmpty(before: string): number {
    return this.#db
      .prepare(
        `DELETE FROM conversations
         WHERE title = '' AND draft = '' AND system_prompt = '' AND parameters IS NULL
           AND current_id IS NULL AND created_at < ?
           AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.conversation_id = conversations.id)`,
      )
      .run(before).changes;
  }

  #set(statement: string, deletedAt: string | null, id: ConversationId): void {
    if (this.#db.prepare(statement).run(deletedAt, id).changes === 0) throw conversationMissing(id);
  }
}
