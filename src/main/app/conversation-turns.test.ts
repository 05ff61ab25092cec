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
  it('is the first line that says something, cut at a word', () => {
    expect(titleOf('What ship?\nTell me.')).toBe('What ship?');
    expect(titleOf('\n\n ---\nWhat ship?')).toBe('What ship?');
    expect(titleOf('a'.repeat(40) + ' ' + 'b'.repeat(50))).toBe(`${'a'.repeat(40)}…`);
    expect(titleOf(`${'word '.repeat(11)}and, then more words`)).toBe(`${'word '.repeat(11)}and…`);
    expect(titleOf('  \n')).toBe('');
    expect(titleOf('???')).toBe('???');
  });

  it('is plain: no Markdown, nothing that changes how the list is shown', () => {
    expect(titleOf('## **Where** is `Pool.connect()` in [the docs](http://x.y)?')).toBe(
      'Where is Pool.connect() in the docs?',
    );
    expect(titleOf('> 1. *one* and __two__ and snake_case_name * 3')).toBe(
      'one and two and snake_case_name * 3',
    );
    expect(titleOf('```ts\nconst a = 1;\n```\nWhy?')).toBe('const a = 1;');
    expect(titleOf('\u202eevil\u0000\u0007 \u2066title')).toBe('evil title');
  });

  it('never cuts a character in two, with or without spaces', () => {
    expect(titleOf('👩‍👩‍👧'.repeat(30))).toBe(`${'👩‍👩‍👧'.repeat(7)}…`);
    expect(titleOf('捕鯨船'.repeat(40))).toBe(`${'捕鯨船'.repeat(20)}…`);
    expect(titleOf('\ud800 alone')).toBe('\ufffd alone');
    const started = performance.now();
    titleOf('*'.repeat(200_000));
    titleOf(`${'['.repeat(50_000)}${'`a '.repeat(50_000)}`);
    expect(performance.now() - started).toBeLessThan(500);
  });
});
