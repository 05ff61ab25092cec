import { describe, expect, it } from 'vitest';
import type { ConversationId, Message, MessageId } from '../../shared/model/index.ts';
import { NOTHING_FOUND } from './citations.ts';
import { titleOf, turnsOf } from './conversation-turns.ts';

function message(role: Message['role'], content: string, passagesText?: string): Message {
  return {
    id: content as MessageId,
    conversationId: 'c' as ConversationId,
    parentId: null,
    role,
    content,
    status: 'done',
    createdAt: '',
    ...(passagesText === undefined ? {} : { passagesText }),
  };
}

describe('turnsOf', () => {
  it('repeats each question with its passages and its answer, without the note', () => {
    const branch = [
      message('user', 'Who?', 'Passages: …'),
      message('assistant', `Ahab.${NOTHING_FOUND}`),
      message('user', 'And then?'),
    ];
    expect(turnsOf(branch)).toEqual([
      { label: 'turn 1', passagesText: 'Passages: …', question: 'Who?', answer: 'Ahab.' },
      { label: 'turn 2', passagesText: '', question: 'And then?', answer: '' },
    ]);
  });
});

describe('titleOf', () => {
  it('is the first line, cut at a word', () => {
    expect(titleOf('What ship?\nTell me.')).toBe('What ship?');
    expect(titleOf('a'.repeat(40) + ' ' + 'b'.repeat(50))).toBe(`${'a'.repeat(40)}…`);
    expect(titleOf('  \n')).toBe('New chat');
  });
});
