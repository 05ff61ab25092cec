import * as v from 'valibot';
import type { Conversation, Folder } from '../../model/index.ts';
import type {
  ChatEvent,
  ConversationDetails,
  ConversationSummary,
  ExportedFile,
  ImportReport,
  SearchHit,
} from '../events.ts';
import {
  conversationId,
  engineChoice,
  folderId,
  integer,
  messageId,
  name,
  nothing,
  page,
  path,
  paths,
  sampling,
  stream,
  text,
  unary,
} from './kinds.ts';

const title = v.pipe(v.string(), v.minLength(1), v.maxLength(1_000));

export const conversationMethods = {
  'chat.ask': stream<ChatEvent>()(
    v.strictObject({
      ...engineChoice,
      question: v.pipe(text, v.minLength(1)),
      library: v.optional(name),
      /** files and folders attached to this conversation */
      add: v.optional(paths),
      /** go on in this conversation */
      conversation: v.optional(conversationId),
      /** the message that the question follows (an edit is a question beside another); absent: the last one shown */
      parent: v.optional(v.nullable(messageId)),
      /** answer this question of the conversation again, as a branch of its own */
      regenerate: v.optional(messageId),
      passages: v.optional(v.boolean()),
      state: v.optional(v.boolean()),
      /** paths in the library: passages come from these documents only */
      documents: v.optional(v.pipe(v.array(path), v.maxLength(1_000))),
      /** absent: the conversation's own, where it has some */
      sampling: v.optional(sampling),
      /** what happens when the context would overflow: AppError 'context-full', or older turns slide out */
      whenFull: v.optional(v.picklist(['refuse', 'slide'])),
    }),
  ),
  /** tokens of a text with the tokenizer of the model that would answer */
  'chat.count': unary<{ readonly tokens: number }>()(v.strictObject({ ...engineChoice, text })),

  'conversations.list': unary<readonly ConversationSummary[]>()(
    v.strictObject({ ...page, /** true: what lies in the trash */ trashed: v.optional(v.boolean()) }),
  ),
  'conversations.create': unary<Conversation>()(
    v.strictObject({ library: v.optional(name), folder: v.optional(v.nullable(folderId)) }),
  ),
  'conversations.show': unary<ConversationDetails>()(
    v.strictObject({
      id: conversationId,
      /**
       * how much comes along; 'tree': all messages without `passagesText`, and no `branch`, which follows from them;
       * 'latest': of these the last dozen of the branch that is shown; 'none': neither. Absent: everything.
       */
      messages: v.optional(v.picklist(['tree', 'latest', 'none'])),
    }),
  ),
  /** what is named changes, the rest stays */
  'conversations.change': unary<Conversation>()(
    v.strictObject({
      id: conversationId,
      title: v.optional(title),
      folder: v.optional(v.nullable(folderId)),
      pinned: v.optional(v.boolean()),
      /** '' = none */
      draft: v.optional(text),
      systemPrompt: v.optional(text),
      /** null = the app's defaults */
      parameters: v.optional(v.nullable(sampling)),
      /** the model of the turns to come; null = the app's default */
      model: v.optional(v.nullable(path)),
      plan: v.optional(v.nullable(path)),
      /** null = none; only while nothing was asked yet */
      library: v.optional(v.nullable(name)),
      /** any message of the branch that is to be shown: its newest leaf becomes the current one */
      shown: v.optional(messageId),
    }),
  ),
  'conversations.search': unary<readonly SearchHit[]>()(
    v.strictObject({ query: v.pipe(text, v.minLength(1)), limit: v.optional(integer(1, 10_000)) }),
  ),
  /** one conversation as a file of its own; several (or all: no ids) as a ZIP, but json, which holds many */
  'conversations.export': unary<ExportedFile>()(
    v.strictObject({
      ids: v.optional(v.pipe(v.array(conversationId), v.minLength(1), v.maxLength(100_000))),
      format: v.picklist(['md', 'html', 'pdf', 'json']),
      /** true: absolute paths and the user's name are left out */
      redact: v.optional(v.boolean()),
    }),
  ),
  /** own JSON, or an export of ChatGPT, Claude or Open WebUI (JSON or ZIP); absolute path of the file */
  'conversations.import': unary<ImportReport>()(v.strictObject({ file: path })),
  /** to the trash, where it stays for 30 days */
  'conversations.delete': unary<{ readonly deleted: true }>()(v.strictObject({ id: conversationId })),
  'conversations.restore': unary<Conversation>()(v.strictObject({ id: conversationId })),
  /** out of the trash for good; without id: everything in it */
  'conversations.purge': unary<{ readonly purged: number }>()(
    v.strictObject({ id: v.optional(conversationId) }),
  ),

  'folders.list': unary<readonly Folder[]>()(nothing),
  'folders.create': unary<Folder>()(v.strictObject({ name })),
  'folders.rename': unary<Folder>()(v.strictObject({ id: folderId, name })),
  /** its conversations stay, outside of any folder */
  'folders.remove': unary<{ readonly removed: true }>()(v.strictObject({ id: folderId })),
} as const;
