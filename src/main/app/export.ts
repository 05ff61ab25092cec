/**
 * One conversation as a file. Markdown: the branch that is shown, for reading. JSON: the whole tree with parameters,
 * receipts and citations, in Longleaf's own versioned schema; what was exported imports back equal.
 */
import * as v from 'valibot';
import { AppError } from '../../shared/errors.ts';
import type { Citation, Conversation, Message } from '../../shared/model/index.ts';

export const EXPORT_FORMAT = 'longleaf-conversation';
export const EXPORT_VERSION = 1;

export interface ConversationExport {
  readonly format: typeof EXPORT_FORMAT;
  readonly version: typeof EXPORT_VERSION;
  readonly exportedAt: string;
  readonly library: string | null;
  readonly conversation: Conversation;
  /** the whole tree, oldest first */
  readonly messages: readonly Message[];
}

/** From the first message to the one that is shown: the branch of `currentId`, oldest first. */
export function branchOf(messages: readonly Message[], currentId: string | null): Message[] {
  const byId = new Map<string, Message>(messages.map((message) => [message.id, message]));
  const branch: Message[] = [];
  let id: string | null = currentId;
  while (id !== null && branch.length <= messages.length) {
    const message = byId.get(id);
    if (message === undefined) break;
    branch.push(message);
    id = message.parentId;
  }
  return branch.reverse();
}

export function exportJson(
  conversation: Conversation,
  messages: readonly Message[],
  library: string | null,
  exportedAt: string,
): string {
  const whole: ConversationExport = {
    format: EXPORT_FORMAT,
    version: EXPORT_VERSION,
    exportedAt,
    library,
    conversation,
    messages,
  };
  return `${JSON.stringify(whole, null, 2)}\n`;
}

/** Markdown with YAML front matter; citations are footnotes, numbered through the document. */
export function exportMarkdown(
  conversation: Conversation,
  messages: readonly Message[],
  library: string | null,
): string {
  const branch = branchOf(messages, conversation.currentId).filter((message) => message.role !== 'system');
  const notes: string[] = [];
  const body = branch.map((message) => messageMarkdown(message, notes));
  const parts = [frontMatter(conversation, branch, library), `# ${oneLine(conversation.title)}`, ...body];
  if (notes.length > 0) parts.push(notes.join('\n'));
  return `${parts.join('\n\n')}\n`;
}

function messageMarkdown(message: Message, notes: string[]): string {
  const heading = message.role === 'user' ? '## User' : '## Assistant';
  const marks = (message.citations ?? []).map((citation) => {
    notes.push(`[^${String(notes.length + 1)}]: ${footnote(citation)}`);
    return `[^${String(notes.length)}]`;
  });
  const state = message.status === 'done' ? '' : `\n\n*(${message.status})*`;
  return `${heading}\n\n${message.content}${marks.length === 0 ? '' : ` ${marks.join(' ')}`}${state}`;
}

function footnote(citation: Citation): string {
  const lines =
    citation.lineStart === undefined
      ? ''
      : `, lines ${String(citation.lineStart)}-${String(citation.lineEnd ?? citation.lineStart)}`;
  const section = citation.section === undefined ? '' : `, ${oneLine(citation.section)}`;
  const place = `characters ${String(citation.start)}-${String(citation.end)}`;
  return `${oneLine(citation.path)}${section}${lines} (${place}): “${oneLine(citation.quote)}”`;
}

/** The receipt of the last answer stands in the front matter; each answer's own is in the JSON export. */
function frontMatter(conversation: Conversation, branch: readonly Message[], library: string | null): string {
  const answer = branch.findLast((message) => message.role === 'assistant');
  const lines = [
    '---',
    `id: ${yaml(conversation.id)}`,
    `title: ${yaml(conversation.title)}`,
    `model: ${yaml(answer?.model ?? null)}`,
    `plan: ${yaml(answer?.plan ?? null)}`,
    `library: ${yaml(library)}`,
    `created: ${yaml(conversation.createdAt)}`,
    `updated: ${yaml(conversation.updatedAt)}`,
  ];
  if (answer?.receipt !== undefined) {
    const { sources, ...counts } = answer.receipt;
    lines.push('receipt:');
    for (const [name, value] of Object.entries(counts)) lines.push(`  ${name}: ${String(value)}`);
    lines.push('  sources:');
    for (const source of sources) lines.push(`    - ${JSON.stringify(source)}`);
  }
  return [...lines, '---'].join('\n');
}

/** JSON strings and null are YAML. */
function yaml(value: string | null): string {
  return JSON.stringify(value);
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}

/** Title without reserved characters, and the day: safe on every file system. */
export function exportFileName(conversation: Conversation, extension: 'md' | 'json'): string {
  const safe = conversation.title.replace(/[\p{Cc}<>:"/\\|?*]/gu, ' ');
  const title = oneLine(safe)
    .replace(/[. ]+$/, '')
    .slice(0, 80)
    .trim();
  return `${title === '' ? 'conversation' : title} ${conversation.createdAt.slice(0, 10)}.${extension}`;
}

const messageSchema = v.looseObject({
  id: v.string(),
  conversationId: v.string(),
  parentId: v.nullable(v.string()),
  role: v.picklist(['system', 'user', 'assistant']),
  content: v.string(),
  status: v.picklist(['running', 'done', 'stopped', 'interrupted', 'failed']),
  createdAt: v.string(),
});

const exportSchema = v.looseObject({
  format: v.literal(EXPORT_FORMAT),
  version: v.literal(EXPORT_VERSION),
  exportedAt: v.string(),
  library: v.nullable(v.string()),
  conversation: v.looseObject({
    id: v.string(),
    title: v.string(),
    systemPrompt: v.string(),
    currentId: v.nullable(v.string()),
    createdAt: v.string(),
    updatedAt: v.string(),
  }),
  messages: v.array(messageSchema),
});

/** @throws AppError 'invalid-input' when the text is not an export of this version */
export function parseExport(text: string): ConversationExport {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AppError(
      'invalid-input',
      'The file is not JSON.',
      'Choose a file made by conversations export.',
      { cause },
    );
  }
  const parsed = v.safeParse(exportSchema, value);
  if (!parsed.success) {
    const issue = parsed.issues[0];
    throw new AppError(
      'invalid-input',
      `The file is not a conversation of Longleaf: ${v.getDotPath(issue) ?? 'file'}: ${issue.message}`,
      'Choose a file made by conversations export --format json.',
    );
  }
  return value as ConversationExport;
}
