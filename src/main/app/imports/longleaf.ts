/** Longleaf's own JSON: strictly what exports write, in every version that there has been. */
import * as v from 'valibot';
import { AppError } from '../../../shared/errors.ts';
import type { ConversationId, FolderId, LibraryId, MessageId } from '../../../shared/model/index.ts';
import { jsonVersion, type ConversationTree } from '../exports/index.ts';
import type { Json } from './json-values.ts';
import { parentsFirst } from './tree.ts';

const count = v.pipe(v.number(), v.finite());
const id = <Id extends string>() =>
  v.pipe(
    v.string(),
    v.maxLength(1_000),
    v.transform((text) => text as Id),
  );
const tokenCounts = { offered: count, reused: count, read: count, pending: count, dropped: count };
const source = v.object({
  ...tokenCounts,
  kind: v.picklist(['library', 'document', 'turn', 'attachment']),
  name: v.string(),
  reason: v.exactOptional(v.string()),
  readAs: v.exactOptional(v.string()),
  bytes: v.exactOptional(count),
  indexed: v.exactOptional(v.object({ tokens: count, files: count, passages: count })),
});
const receipt = v.object({
  ...tokenCounts,
  passages: count,
  overhead: count,
  exact: count,
  sparse: count,
  sources: v.array(source),
  auto: v.exactOptional(v.object({ backend: v.string(), reason: v.string() })),
});
const citation = v.object({
  document: v.string(),
  path: v.string(),
  start: count,
  end: count,
  quote: v.string(),
  lineStart: v.exactOptional(count),
  lineEnd: v.exactOptional(count),
  section: v.exactOptional(v.string()),
});
const parameters = v.object({
  temperature: count,
  topK: count,
  topP: count,
  minP: count,
  repetitionPenalty: count,
  repetitionWindow: count,
  seed: count,
  maxTokens: count,
});
const timings = v.object({
  spawnMs: count,
  modelReadyMs: count,
  restoredMs: count,
  firstTokenMs: count,
  prefillTokens: count,
  prefillTokensPerSecond: count,
  decodeTokens: count,
  decodeTokensPerSecond: count,
});
const message = v.object({
  id: id<MessageId>(),
  conversationId: id<ConversationId>(),
  parentId: v.nullable(id<MessageId>()),
  role: v.picklist(['system', 'user', 'assistant']),
  content: v.string(),
  status: v.picklist(['running', 'done', 'stopped', 'interrupted', 'failed']),
  createdAt: v.string(),
  model: v.exactOptional(v.string()),
  backend: v.exactOptional(v.string()),
  plan: v.exactOptional(v.string()),
  parameters: v.exactOptional(parameters),
  receipt: v.exactOptional(receipt),
  citations: v.exactOptional(v.array(citation)),
  timings: v.exactOptional(timings),
  passagesText: v.exactOptional(v.string()),
});
/** what version 1 did not have is as it would be in a new conversation */
const conversation = v.object({
  id: id<ConversationId>(),
  title: v.string(),
  libraryId: v.nullable(id<LibraryId>()),
  folderId: v.optional(v.nullable(id<FolderId>()), null),
  pinned: v.optional(v.boolean(), false),
  draft: v.optional(v.string(), ''),
  systemPrompt: v.string(),
  parameters: v.optional(v.nullable(partialOf(parameters.entries)), null),
  model: v.optional(v.nullable(v.string()), null),
  plan: v.optional(v.nullable(v.string()), null),
  currentId: v.nullable(id<MessageId>()),
  createdAt: v.string(),
  updatedAt: v.string(),
  deletedAt: v.optional(v.nullable(v.string()), null),
});
const tree = v.object({
  conversation,
  library: v.nullable(v.string()),
  folder: v.optional(v.nullable(v.string()), null),
  messages: v.array(message),
});

/**
 * The conversations of a file, not looked at yet.
 * @throws AppError 'unsupported' for a version of tomorrow
 */
export function longleafItems(file: Json): readonly unknown[] {
  const { version } = file;
  if (version === 1 && file['format'] === 'longleaf-conversation') return [file];
  if (version === jsonVersion && Array.isArray(file['conversations'])) return file['conversations'];
  if (typeof version === 'number' && version > jsonVersion)
    throw new AppError(
      'unsupported',
      `The file has version ${String(version)} of the format; this app reads up to version ${String(jsonVersion)}.`,
      'Update Longleaf, then import it again.',
    );
  throw new AppError(
    'invalid-input',
    'The file says that it is an export of Longleaf, and is none.',
    'Choose a file made by an export as JSON.',
  );
}

/** @throws AppError 'invalid-input' naming the first thing that is not as it should be */
export function fromLongleaf(item: unknown): ConversationTree {
  const parsed = v.safeParse(tree, item);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw new AppError('invalid-input', `${v.getDotPath(issue) ?? 'It'}: ${issue.message}`);
  }
  return { ...parsed.output, messages: parentsFirst(parsed.output.messages) };
}

function partialOf<Entries extends Record<string, typeof count>>(entries: Entries) {
  return v.object(
    Object.fromEntries(Object.keys(entries).map((key) => [key, v.exactOptional(count)])) as {
      [Key in keyof Entries]: v.ExactOptionalSchema<typeof count, undefined>;
    },
  );
}
