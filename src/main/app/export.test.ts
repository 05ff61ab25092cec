import { describe, expect, it } from 'vitest';
import { AppError } from '../../shared/errors.ts';
import type { Conversation, ConversationId, Message, MessageId } from '../../shared/model/index.ts';
import { branchOf, exportFileName, exportJson, exportMarkdown, parseExport } from './export.ts';

const id = 'c1' as ConversationId;
const at = '2026-01-02T03:04:05.000Z';

function message(fields: Pick<Message, 'id' | 'parentId' | 'role' | 'content'> & Partial<Message>): Message {
  return { conversationId: id, status: 'done', createdAt: at, ...fields };
}

const messages: readonly Message[] = [
  message({ id: 'm1' as MessageId, parentId: null, role: 'user', content: 'What ship?' }),
  message({ id: 'm2' as MessageId, parentId: 'm1' as MessageId, role: 'assistant', content: 'The Rachel.' }),
  message({
    id: 'm3' as MessageId,
    parentId: 'm1' as MessageId,
    role: 'assistant',
    content: 'The Pequod.',
    model: 'SmolLM2',
    plan: 'window',
    citations: [
      {
        document: 'Moby-Dick',
        path: 'moby.epub',
        start: 10,
        end: 25,
        quote: 'the Pequod\nsails',
        section: 'CHAPTER 16',
      },
    ],
    receipt: {
      offered: 5,
      reused: 0,
      read: 5,
      pending: 0,
      dropped: 0,
      passages: 3,
      overhead: 2,
      exact: 10,
      sparse: 0,
      sources: [{ kind: 'turn', name: 'question', offered: 5, reused: 0, read: 5, pending: 0, dropped: 0 }],
    },
  }),
];

const conversation: Conversation = {
  id,
  title: 'What ship: "A/B"?',
  libraryId: null,
  systemPrompt: '',
  currentId: 'm3' as MessageId,
  createdAt: at,
  updatedAt: at,
  deletedAt: null,
};

describe('export', () => {
  it('shows the branch of the current message only', () => {
    expect(branchOf(messages, 'm3').map((m) => m.content)).toEqual(['What ship?', 'The Pequod.']);
  });

  it('ends in a damaged tree instead of going round', () => {
    const loop = [message({ id: 'x' as MessageId, parentId: 'x' as MessageId, role: 'user', content: '' })];
    expect(branchOf(loop, 'x').length).toBeLessThanOrEqual(2);
  });

  it('writes Markdown with front matter, receipt and footnotes', () => {
    const markdown = exportMarkdown(conversation, messages, 'moby');
    expect(markdown).toMatch(/^---\nid: "c1"\n/);
    expect(markdown).toContain('library: "moby"');
    expect(markdown).toContain('  offered: 5');
    expect(markdown).toContain('## User\n\nWhat ship?');
    expect(markdown).toContain('## Assistant\n\nThe Pequod. [^1]');
    expect(markdown).toContain('[^1]: moby.epub, CHAPTER 16 (characters 10-25): “the Pequod sails”');
    expect(markdown).not.toContain('Rachel');
  });

  it('writes JSON that reads back equal, with every branch', () => {
    const read = parseExport(exportJson(conversation, messages, 'moby', at));
    expect(read.conversation).toEqual(conversation);
    expect(read.messages).toEqual(messages);
    expect(read.library).toBe('moby');
  });

  it.each(['', '{}', '{"format":"longleaf-conversation","version":99}', '[1]'])('refuses %j', (text) => {
    expect(() => parseExport(text)).toThrow(AppError);
  });

  it('names files without reserved characters', () => {
    expect(exportFileName(conversation, 'md')).toBe('What ship A B 2026-01-02.md');
    expect(exportFileName({ ...conversation, title: '/..' }, 'json')).toBe('conversation 2026-01-02.json');
  });
});
