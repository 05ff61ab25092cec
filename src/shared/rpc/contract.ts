/**
 * Every use case of the app, once: name, kind, arguments (validated at the door), result. Client, server and
 * handlers are typed from this object, so terminal, window and web page cannot drift apart.
 */
import * as v from 'valibot';
import type { ConversationId, MessageId } from '../model/index.ts';
import type {
  ChatEvent,
  ConversationDetails,
  ConversationSummary,
  ExportedConversation,
  LibraryDetails,
  LibraryEvent,
  LibrarySummary,
  OwnerInfo,
  SearchHit,
  StateReport,
} from './events.ts';

type ObjectSchema = v.GenericSchema<unknown, object>;

export interface Unary<Args extends ObjectSchema, Result> {
  readonly kind: 'unary';
  readonly args: Args;
  /** type only */
  readonly result?: Result;
}

export interface Stream<Args extends ObjectSchema, Item> {
  readonly kind: 'stream';
  readonly args: Args;
  /** type only */
  readonly item?: Item;
}

function unary<Result>(): <Args extends ObjectSchema>(args: Args) => Unary<Args, Result> {
  return (args) => ({ kind: 'unary', args });
}

function stream<Item>(): <Args extends ObjectSchema>(args: Args) => Stream<Args, Item> {
  return (args) => ({ kind: 'stream', args });
}

const name = v.pipe(v.string(), v.minLength(1), v.maxLength(200));
const text = v.pipe(v.string(), v.maxLength(10_000_000));
/** absolute: relative paths are resolved by the process in whose folder they mean something */
const path = v.pipe(v.string(), v.minLength(1), v.maxLength(32_768));
const paths = v.pipe(v.array(path), v.minLength(1), v.maxLength(10_000));
const conversationId = v.pipe(
  v.string(),
  v.minLength(1),
  v.maxLength(64),
  v.transform((id) => id as ConversationId),
);

const messageId = v.pipe(
  v.string(),
  v.minLength(1),
  v.maxLength(64),
  v.transform((id) => id as MessageId),
);

/** Which engine answers. Absent = the owner's default. */
const engineChoice = {
  /** id of an installed model, or absolute path of a GGUF */
  model: v.optional(path),
  /** name of a preset, absolute path of a plan file, or a plan (resources/plan.schema.json) */
  plan: v.optional(v.union([path, v.record(v.string(), v.unknown())])),
  backend: v.optional(v.picklist(['auto', 'cpu', 'webgpu', 'reference'])),
  /** epoch ms at which the process that the user started began: timings count from there */
  startedAt: v.optional(v.pipe(v.number(), v.minValue(0))),
};

const integer = (low: number, high: number) =>
  v.pipe(v.number(), v.integer(), v.minValue(low), v.maxValue(high));

const sampling = v.strictObject({
  temperature: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(2))),
  topK: v.optional(integer(0, 1_000_000)),
  topP: v.optional(v.pipe(v.number(), v.gtValue(0), v.maxValue(1))),
  minP: v.optional(v.pipe(v.number(), v.minValue(0), v.ltValue(1))),
  repetitionPenalty: v.optional(v.pipe(v.number(), v.gtValue(0), v.maxValue(10))),
  repetitionWindow: v.optional(integer(0, 1_000_000)),
  seed: v.optional(integer(0, 0xffff_ffff)),
  maxTokens: v.optional(integer(1, 1_000_000)),
});

export const contract = {
  'app.info': unary<OwnerInfo>()(v.strictObject({})),

  'library.list': unary<readonly LibrarySummary[]>()(v.strictObject({})),
  'library.show': unary<LibraryDetails>()(v.strictObject({ name })),
  /** creates the library, or adds paths to it; the same paths again are an update */
  'library.add': stream<LibraryEvent>()(
    v.strictObject({
      ...engineChoice,
      name,
      paths,
      /** absent: the library's own setting ('auto' for a new one) */
      read: v.optional(v.picklist(['auto', 'always', 'never'])),
      /** true: end with the preview, change nothing */
      preview: v.optional(v.boolean()),
    }),
  ),
  'library.update': stream<LibraryEvent>()(
    v.strictObject({
      ...engineChoice,
      name,
      /** true: hash every file, instead of trusting size and modification time */
      verify: v.optional(v.boolean()),
      preview: v.optional(v.boolean()),
    }),
  ),
  /** the user's explicit act of reading the library into a state */
  'library.read': stream<LibraryEvent>()(v.strictObject({ ...engineChoice, name })),
  'library.remove': unary<{ readonly removed: true }>()(v.strictObject({ name })),

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
      sampling: v.optional(sampling),
      /** what happens when the context would overflow: AppError 'context-full', or older turns slide out */
      whenFull: v.optional(v.picklist(['refuse', 'slide'])),
    }),
  ),

  'conversations.list': unary<readonly ConversationSummary[]>()(
    v.strictObject({ limit: v.optional(integer(1, 10_000)), offset: v.optional(integer(0, 1e9)) }),
  ),
  'conversations.show': unary<ConversationDetails>()(v.strictObject({ id: conversationId })),
  'conversations.search': unary<readonly SearchHit[]>()(
    v.strictObject({ query: v.pipe(text, v.minLength(1)), limit: v.optional(integer(1, 10_000)) }),
  ),
  'conversations.export': unary<ExportedConversation>()(
    v.strictObject({ id: conversationId, format: v.picklist(['md', 'json']) }),
  ),
  /** own JSON (an export); absolute path of the file */
  'conversations.import': unary<{ readonly conversations: readonly ConversationSummary[] }>()(
    v.strictObject({ file: path }),
  ),
  /** to the trash */
  'conversations.delete': unary<{ readonly deleted: true }>()(v.strictObject({ id: conversationId })),

  'state.info': unary<StateReport>()(v.strictObject({ ...engineChoice, name })),
} as const;

export type Contract = typeof contract;
export type Method = keyof Contract;
export type UnaryMethod = { [M in Method]: Contract[M] extends { kind: 'unary' } ? M : never }[Method];
export type StreamMethod = { [M in Method]: Contract[M] extends { kind: 'stream' } ? M : never }[Method];

/** what a caller passes */
export type ArgsInput<M extends Method> = v.InferInput<Contract[M]['args']>;
/** what a handler gets, validated */
export type Args<M extends Method> = v.InferOutput<Contract[M]['args']>;
export type Result<M extends UnaryMethod> = Contract[M] extends Unary<infer _Args, infer R> ? R : never;
export type Item<M extends StreamMethod> = Contract[M] extends Stream<infer _Args, infer I> ? I : never;

/** `signal` fires on cancel, on a closed connection and when the owner quits. */
export interface CallContext {
  readonly signal: AbortSignal;
}

/** What `createApp` returns: one handler per method. */
export type Handlers = {
  readonly [M in UnaryMethod]: (args: Args<M>, context: CallContext) => Promise<Result<M>>;
} & {
  readonly [M in StreamMethod]: (args: Args<M>, context: CallContext) => AsyncIterable<Item<M>>;
};
