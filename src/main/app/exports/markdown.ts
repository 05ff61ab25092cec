/**
 * Markdown for reading: YAML front matter, a heading for each turn, citations as footnotes. The text of a message
 * stands there as it is, unless it would change what follows it (a code block that never ends, a comment, a heading
 * that looks like a turn): then a code block that ends is closed, and anything else stands in a fence, word for word.
 */
import { createMarkdown, type MarkdownIt } from '../../../shared/markdown/index.ts';
import type { Message } from '../../../shared/model/index.ts';
import { oneLine, shownMessages, titleOf, type ConversationTree } from './tree.ts';
import { endingOf, placeOf, receiptLine, speakerOf } from './words.ts';

export function exportMarkdown(tree: ConversationTree): string {
  const messages = shownMessages(tree);
  const self = new SelfContained(messages.map((message) => message.content));
  const notes: string[] = [];
  const parts = [frontMatter(tree, messages), `# ${escapeMarkdown(titleOf(tree))}`];
  for (const message of messages) parts.push(...messageMarkdown(message, self, notes));
  if (notes.length > 0) parts.push(notes.join('\n'));
  return `${parts.join('\n\n')}\n`;
}

function messageMarkdown(message: Message, self: SelfContained, notes: string[]): string[] {
  const marks = (message.citations ?? []).map((citation) => {
    notes.push(
      `[^${String(notes.length + 1)}]: ${escapeMarkdown(placeOf(citation))}: “${escapeMarkdown(oneLine(citation.quote))}”`,
    );
    return `[^${String(notes.length)}]`;
  });
  const ending = endingOf(message);
  return [
    `## ${escapeMarkdown(speakerOf(message))}`,
    ...(/^[ \t\r\n]*$/.test(message.content) ? [] : [self.text(message.content)]),
    ...(ending === null ? [] : [`*${ending}*`]),
    ...(marks.length === 0 ? [] : [`Sources: ${marks.join(' ')}`]),
    ...(message.receipt === undefined ? [] : [`*Context: ${receiptLine(message.receipt)}*`]),
  ];
}

/** Makes texts safe to stand one after the other. */
class SelfContained {
  readonly #markdown: MarkdownIt = createMarkdown();
  /** as other readers of Markdown take it */
  readonly #withHtml: MarkdownIt = createMarkdown().set({ html: true });
  readonly #texts: readonly string[];

  constructor(texts: readonly string[]) {
    this.#texts = texts;
  }

  text(text: string): string {
    if (this.#looksLikeTurns(text) || this.#definesForOthers(text)) return fenced(text);
    if (this.#ends(text)) return text;
    const ended = text.replace(/\n?$/, '\n');
    const closed = `${ended}${openFence(text) ?? ''}`;
    const means = this.#markdown.render(closed) === this.#markdown.render(ended);
    return means && closed !== ended && this.#ends(closed) ? closed : fenced(text);
  }

  /** Does it mean the same, and what follows after an empty line stand on its own? */
  #ends(text: string): boolean {
    return [this.#markdown, this.#withHtml].every((markdown) => {
      const tokens = markdown.parse(`${text}\n\nprobe\n`, {});
      const [open, probe] = tokens.splice(-3);
      const isApart = open?.type === 'paragraph_open' && open.level === 0 && probe?.content === 'probe';
      return (
        isApart && markdown.renderer.render(tokens, markdown.options, {}) === markdown.render(`${text}\n`)
      );
    });
  }

  /** a heading of ours, or a footnote that would get our number */
  #looksLikeTurns(text: string): boolean {
    if (/^ {0,3}\[\^/m.test(text)) return true;
    const tokens = this.#markdown.parse(text, {});
    return tokens.some(
      (token, index) =>
        token.type === 'heading_open' &&
        token.tag <= 'h2' &&
        /^(?:User|Assistant)\b/.test(tokens[index + 1]?.content.trim() ?? ''),
    );
  }

  /** link definitions hold for the whole document: one that another text uses must not leave its own */
  #definesForOthers(text: string): boolean {
    const env: { references?: Record<string, unknown> } = {};
    this.#markdown.parse(text, env as Parameters<MarkdownIt['parse']>[1]);
    const labels = Object.keys(env.references ?? {}).map((label) => `[${label}]`);
    if (labels.length === 0) return false;
    return this.#texts.some((other) => {
      const normal = other === text ? '' : this.#markdown.utils.normalizeReference(other);
      return labels.some((label) => normal.includes(label));
    });
  }
}

/** what closes the code block that the text leaves open; null where it leaves none open */
function openFence(text: string): string | null {
  let open: string | null = null;
  for (const line of text.split(/\r\n?|\n/)) {
    const fence = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line);
    const [mark = '', rest = ''] = fence?.slice(1) ?? [];
    if (fence === null) continue;
    if (open === null && !(mark.startsWith('`') && rest.includes('`'))) open = mark;
    else if (open !== null && mark.startsWith(open) && rest.trim() === '') open = null;
  }
  return open;
}

/** word for word, in a fence that is longer than any in the text */
function fenced(text: string): string {
  const runs = text.match(/~{3,}/g) ?? [];
  const fence = '~'.repeat(runs.reduce((longest, run) => Math.max(longest, run.length), 2) + 1);
  return `${fence}text\n${text}\n${fence}`;
}

/** The receipt of the last answer stands in the front matter; each answer's own is in the JSON export. */
function frontMatter(tree: ConversationTree, messages: readonly Message[]): string {
  const { conversation, library, folder } = tree;
  const answer = messages.findLast((message) => message.role === 'assistant');
  const lines = [
    '---',
    `id: ${yaml(conversation.id)}`,
    `title: ${yaml(conversation.title)}`,
    `model: ${yaml(answer?.model ?? null)}`,
    `plan: ${yaml(answer?.plan ?? null)}`,
    `library: ${yaml(library)}`,
    `folder: ${yaml(folder)}`,
    `created: ${yaml(conversation.createdAt)}`,
    `updated: ${yaml(conversation.updatedAt)}`,
  ];
  if (conversation.systemPrompt !== '') lines.push(`systemPrompt: ${yaml(conversation.systemPrompt)}`);
  if (answer?.receipt !== undefined) {
    const { sources, ...counts } = answer.receipt;
    lines.push('receipt:');
    for (const [name, value] of Object.entries(counts)) lines.push(`  ${name}: ${String(value)}`);
    lines.push(sources.length === 0 ? '  sources: []' : '  sources:');
    for (const source of sources) lines.push(`    - ${yaml(source)}`);
  }
  return [...lines, '---'].join('\n');
}

/** JSON is YAML, once what YAML takes for a line end or does not print is written as an escape. */
function yaml(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\u007F-\u009F\u2028\u2029\uFEFF\uFFFE\uFFFF]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** one line of plain text: no character of it means anything to Markdown */
function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_{}[\]<>()#+!|~&^$]/g, '\\$&').replace(/^(\d+)([.)])/, '$1\\$2');
}
