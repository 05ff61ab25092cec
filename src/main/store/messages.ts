import { AppError } from '../../shared/errors.ts';
import type { ConversationId, Message, MessageId, MessageStatus } from '../../shared/model/index.ts';
import { conversationMissing, type Conversations } from './conversations.ts';
import type { Db } from './database.ts';
import { newId } from './ids.ts';
import type { MessageIndex } from './message-index.ts';
import { decodeText, encodeOptional, encodeText } from './text.ts';
import type { AnswerFields, MessagesWanted, Store } from './types.ts';

interface MessageRow {
  seq: number;
  id: MessageId;
  conversation_id: ConversationId;
  parent_id: MessageId | null;
  role: Message['role'];
  content: string | Buffer;
  status: MessageStatus;
  created_at: string;
  model: string | Buffer | null;
  backend: string | null;
  plan: string | null;
  parameters: string | null;
  receipt: string | null;
  citations: string | null;
  timings: string | null;
  passages_text: string | Buffer | null;
}

const COLUMNS_BUT_PASSAGES = `seq, id, conversation_id, parent_id, role, content, status, created_at, model, backend,
  plan, parameters, receipt, citations, timings, NULL AS passages_text`;

export class Messages {
  readonly #db: Db;
  readonly #conversations: Conversations;
  readonly #index: MessageIndex;

  constructor(db: Db, conversations: Conversations, index: MessageIndex) {
    this.#db = db;
    this.#conversations = conversations;
    this.#index = index;
  }

  /** The message becomes its conversation's current one, in the same transaction. */
  add(fields: Parameters<Store['addMessage']>[0]): Message {
    const { conversationId, parentId } = fields;
    if (this.#conversations.get(conversationId) === null) throw conversationMissing(conversationId);
    if (parentId !== null && this.#row(parentId).conversation_id !== conversationId)
      throw new AppError('invalid-input', `Message ${parentId} belongs to another conversation.`);
    const id = newId() as MessageId;
    this.#db.transaction(() => {
      this.#db
        .prepare(
          `INSERT INTO messages (id, conversation_id, parent_id, role, content, status, created_at, passages_text)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
        )
        .run(
          id,
          conversationId,
          parentId,
          fields.role,
          encodeText(fields.content),
          fields.status,
          new Date().toISOString(),
          encodeOptional(fields.passagesText),
        );
      const draft = fields.clearsDraft === true ? `, draft = ''` : '';
      this.#db
        .prepare(`UPDATE conversations SET current_id = ?${draft} WHERE id = ?`)
        .run(id, conversationId);
      this.#conversations.touch(conversationId);
      this.#indexFinished(this.#row(id));
    })();
    return toMessage(this.#row(id));
  }

  /** As it is; whoever calls has looked after its conversation and its parent. */
  insert(message: Message): void {
    const { lastInsertRowid } = this.#db
      .prepare(
        `INSERT INTO messages (id, conversation_id, parent_id, role, content, status, created_at, model, backend,
           plan, parameters, receipt, citations, timings, passages_text)
         VALUES (@id, @conversationId, @parentId, @role, @content, @status, @createdAt, @model, @backend,
           @plan, @parameters, @receipt, @citations, @timings, @passagesText)`,
      )
      .run({
        id: message.id,
        conversationId: message.conversationId,
        parentId: message.parentId,
        role: message.role,
        content: encodeText(message.content),
        status: message.status,
        createdAt: message.createdAt,
        model: encodeOptional(message.model),
        backend: message.backend ?? null,
        plan: message.plan ?? null,
        parameters: encodeJson(message.parameters),
        receipt: encodeJson(message.receipt),
        citations: encodeJson(message.citations),
        timings: encodeJson(message.timings),
        passagesText: encodeOptional(message.passagesText),
      });
    this.#indexFinished({
      seq: Number(lastInsertRowid),
      content: encodeText(message.content),
      status: message.status,
    });
  }

  /** A running answer is saved often; it enters the search index once it is finished. */
  updateAnswer(id: MessageId, fields: Partial<AnswerFields>): void {
    const row = this.#row(id);
    const changed = {
      content: fields.content === undefined ? row.content : encodeText(fields.content),
      status: fields.status ?? row.status,
      model: fields.model === undefined ? row.model : encodeText(fields.model),
      backend: fields.backend ?? row.backend,
      plan: fields.plan ?? row.plan,
      parameters: encodeJson(fields.parameters) ?? row.parameters,
      receipt: encodeJson(fields.receipt) ?? row.receipt,
      citations: encodeJson(fields.citations) ?? row.citations,
      timings: encodeJson(fields.timings) ?? row.timings,
    };
    this.#db.transaction(() => {
      this.#db
        .prepare(
          `UPDATE messages SET content = @content, status = @status, model = @model, backend = @backend,
             plan = @plan, parameters = @parameters, receipt = @receipt, citations = @citations,
             timings = @timings WHERE seq = @seq`,
        )
        .run({ ...changed, seq: row.seq });
      if (changed.status !== 'running') {
        this.#conversations.touch(row.conversation_id);
        this.#indexFinished({ ...row, ...changed });
      }
    })();
  }

  setPassagesText(id: MessageId, text: string): void {
    const row = this.#row(id);
    this.#db.prepare('UPDATE messages SET passages_text = ? WHERE seq = ?').run(encodeText(text), row.seq);
  }

  /** all branches, in the order in which they were written; with `latest` the end of the one that is shown */
  list(id: ConversationId, wanted: MessagesWanted = { passagesText: true }): readonly Message[] {
    const conversation = this.#conversations.get(id);
    if (conversation === null) throw conversationMissing(id);
    const columns = wanted.passagesText ? '*' : COLUMNS_BUT_PASSAGES;
    const rows =
      wanted.latest === undefined
        ? this.#db
            .prepare<[string], MessageRow>(
              `SELECT ${columns} FROM messages WHERE conversation_id = ? ORDER BY seq`,
            )
            .all(id)
        : this.#db
            .prepare<[string | null, number], MessageRow>(
              `WITH RECURSIVE shown(message, parent, place) AS (
                 SELECT id, parent_id, 1 FROM messages WHERE id = ?
                 UNION ALL
                 SELECT id, parent_id, place + 1 FROM messages JOIN shown ON id = parent WHERE place < ?)
               SELECT ${columns} FROM messages JOIN shown ON id = message ORDER BY seq`,
            )
            .all(conversation.currentId, wanted.latest);
    return rows.map(toMessage);
  }

  count(conversation: ConversationId): number {
    const row = this.#db
      .prepare<[string], { count: number }>(
        'SELECT COUNT(*) AS count FROM messages WHERE conversation_id = ?',
      )
      .get(conversation);
    return row?.count ?? 0;
  }

  reapInterrupted(): number {
    const rows = this.#db.prepare<[], MessageRow>(`SELECT * FROM messages WHERE status = 'running'`).all();
    this.#db.transaction(() => {
      for (const row of rows) {
        this.#db.prepare(`UPDATE messages SET status = 'interrupted' WHERE seq = ?`).run(row.seq);
        this.#indexFinished({ ...row, status: 'interrupted' });
      }
    })();
    return rows.length;
  }

  #row(id: MessageId): MessageRow {
    const row = this.#db.prepare<[string], MessageRow>('SELECT * FROM messages WHERE id = ?').get(id);
    if (row === undefined) throw new AppError('not-found', `There is no message with the id ${id}.`);
    return row;
  }

  #indexFinished(row: Pick<MessageRow, 'seq' | 'content' | 'status'>): void {
    if (row.status !== 'running') this.#index.put(row.seq, decodeText(row.content));
  }
}

function encodeJson(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

function toMessage(row: MessageRow): Message {
  const message: Message = {
    id: row.id,
    conversationId: row.conversation_id,
    parentId: row.parent_id,
    role: row.role,
    content: decodeText(row.content),
    status: row.status,
    createdAt: row.created_at,
  };
  return {
    ...message,
    ...(row.model === null ? {} : { model: decodeText(row.model) }),
    ...(row.backend === null ? {} : { backend: row.backend }),
    ...(row.plan === null ? {} : { plan: row.plan }),
    ...(row.parameters === null ? {} : { parameters: fromJson<'parameters'>(row.parameters) }),
    ...(row.receipt === null ? {} : { receipt: fromJson<'receipt'>(row.receipt) }),
    ...(row.citations === null ? {} : { citations: fromJson<'citations'>(row.citations) }),
    ...(row.timings === null ? {} : { timings: fromJson<'timings'>(row.timings) }),
    ...(row.passages_text === null ? {} : { passagesText: decodeText(row.passages_text) }),
  };
}

/** Written by `updateAnswer` and `insert` alone, from the typed value: it is not checked again. */
function fromJson<Key extends keyof Message>(text: string): NonNullable<Message[Key]> {
  return JSON.parse(text) as NonNullable<Message[Key]>;
}
