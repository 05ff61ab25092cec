import { AppError } from '../../shared/errors.ts';
import type {
  Conversation,
  ConversationId,
  FolderId,
  LibraryId,
  MessageId,
} from '../../shared/model/index.ts';
import type { Db } from './database.ts';
import type { Folders } from './folders.ts';
import { newId } from './ids.ts';
import { decodeOptional, decodeText, encodeOptional, encodeText } from './text.ts';
import type { ConversationChange, ListedConversation, Store } from './types.ts';

interface ConversationRow {
  id: ConversationId;
  title: string | Buffer;
  library_id: LibraryId | null;
  folder_id: FolderId | null;
  pinned: 0 | 1;
  draft: string | Buffer;
  system_prompt: string | Buffer;
  parameters: string | null;
  model: string | Buffer | null;
  plan: string | Buffer | null;
  current_id: MessageId | null;
  created_at: string;
  updated_at: string;
  deleted_at: string | null;
}

interface ListedRow extends ConversationRow {
  messages: number;
  library: string | Buffer | null;
}

type Fields<Method extends keyof Store, Index extends 0 | 1> = Parameters<Store[Method]>[Index];

export class Conversations {
  readonly #db: Db;
  readonly #folders: Folders;

  constructor(db: Db, folders: Folders) {
    this.#db = db;
    this.#folders = folders;
  }

  create(fields: Fields<'createConversation', 0>): Conversation {
    const id = newId() as ConversationId;
    const { libraryId, folderId = null } = fields;
    if (libraryId !== null) this.#assertLibrary(libraryId);
    if (folderId !== null) this.#folders.require(folderId);
    const now = new Date().toISOString();
    this.#db
      .prepare(
        `INSERT INTO conversations (id, activity, title, library_id, folder_id, system_prompt, created_at, updated_at)
         VALUES (?, (SELECT coalesce(max(activity), 0) + 1 FROM conversations), ?, ?, ?, ?, ?, ?)`,
      )
      .run(id, encodeText(fields.title), libraryId, folderId, encodeText(fields.systemPrompt), now, now);
    return this.require(id);
  }

  /** As it is, at the end of the list. Its current message need not be there yet. */
  insert(conversation: Conversation): void {
    const { id, title, systemPrompt, createdAt, updatedAt } = conversation;
    this.#db
      .prepare(
        `INSERT INTO conversations (id, activity, title, system_prompt, created_at, updated_at)
         VALUES (?, (SELECT coalesce(min(activity), 1) - 1 FROM conversations), ?, ?, ?, ?)`,
      )
      .run(id, encodeText(title), encodeText(systemPrompt), createdAt, updatedAt);
    this.#write(conversation);
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

  /** messages are counted, not loaded: an index holds all that the count needs */
  list(options: Fields<'conversations', 0>): readonly ListedConversation[] {
    const which = options.trashed
      ? `c.deleted_at IS NOT NULL ORDER BY c.deleted_at DESC, c.activity DESC`
      : `c.deleted_at IS NULL AND (c.title <> '' OR c.draft <> '' OR c.current_id IS NOT NULL)
         ORDER BY c.pinned DESC, c.activity DESC`;
    return this.#db
      .prepare<[number, number], ListedRow>(
        `SELECT c.*, l.name AS library,
           (SELECT count(*) FROM messages m WHERE m.conversation_id = c.id) AS messages
         FROM conversations c LEFT JOIN libraries l ON l.id = c.library_id
         WHERE ${which} LIMIT ? OFFSET ?`,
      )
      .all(options.limit, options.offset)
      .map((row) => ({
        conversation: toConversation(row),
        messages: row.messages,
        library: decodeOptional(row.library),
      }));
  }

  update(id: ConversationId, fields: ConversationChange): Conversation {
    const now = this.require(id);
    const next = { ...now, ...fields };
    if (next.libraryId !== null && next.libraryId !== now.libraryId) this.#assertLibrary(next.libraryId);
    if (next.folderId !== null && next.folderId !== now.folderId) this.#folders.require(next.folderId);
    if (next.currentId !== null && next.currentId !== now.currentId) this.#assertMessage(id, next.currentId);
    this.#write(next);
    return this.require(id);
  }

  /** all that can be changed of a row that is there */
  #write(next: Conversation): void {
    this.#db
      .prepare(
        `UPDATE conversations SET title = @title, library_id = @libraryId, folder_id = @folderId,
           pinned = @pinned, draft = @draft, system_prompt = @systemPrompt, parameters = @parameters,
           model = @model, plan = @plan, current_id = @currentId WHERE id = @id`,
      )
      .run({
        id: next.id,
        title: encodeText(next.title),
        libraryId: next.libraryId,
        folderId: next.folderId,
        pinned: next.pinned ? 1 : 0,
        draft: encodeText(next.draft),
        systemPrompt: encodeText(next.systemPrompt),
        parameters: next.parameters === null ? null : JSON.stringify(next.parameters),
        model: encodeOptional(next.model),
        plan: encodeOptional(next.plan),
        currentId: next.currentId,
      });
  }

  /** An answer is written after its question, so the newest message below another one is a leaf of the tree. */
  showBranch(id: ConversationId, message: MessageId): Conversation {
    this.require(id);
    this.#assertMessage(id, message);
    this.#db
      .prepare(
        `WITH RECURSIVE below(id, seq) AS (
           SELECT id, seq FROM messages WHERE id = ?
           UNION ALL SELECT m.id, m.seq FROM messages m JOIN below b ON m.parent_id = b.id)
         UPDATE conversations SET current_id = (SELECT id FROM below ORDER BY seq DESC LIMIT 1) WHERE id = ?`,
      )
      .run(message, id);
    return this.require(id);
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

  /** Numbers all of them anew, by date; by way of negative numbers, since each number is there once. */
  sort(): void {
    const lowest = this.#db
      .prepare<[], number>('SELECT min(0, coalesce(min(activity), 0)) FROM conversations')
      .pluck()
      .get();
    this.#db.transaction(() => {
      const { changes } = this.#db
        .prepare(
          `UPDATE conversations SET activity = ? - place.number
           FROM (SELECT id, row_number() OVER (ORDER BY updated_at DESC, activity DESC) AS number
                 FROM conversations) AS place
           WHERE place.id = conversations.id`,
        )
        .run(lowest);
      this.#db.prepare('UPDATE conversations SET activity = activity + ?').run(changes - (lowest ?? 0) + 1);
    })();
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
    folderId: row.folder_id,
    pinned: row.pinned === 1,
    draft: decodeText(row.draft),
    systemPrompt: decodeText(row.system_prompt),
    // written by `#write` alone, from the typed value: it is not checked again
    parameters: row.parameters === null ? null : (JSON.parse(row.parameters) as Conversation['parameters']),
    model: decodeOptional(row.model),
    plan: decodeOptional(row.plan),
    currentId: row.current_id,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    deletedAt: row.deleted_at,
  };
}
