import { describe, expect, it } from 'vitest';
import type { Message } from '../../shared/model/index.ts';
import { heightHint, itemsOf, joinsBefore } from './thread-items.ts';

function message(id: string, role: Message['role'], content: string): Message {
  const place = { conversationId: 'c', parentId: null } as unknown as Message;
  return { ...place, id: id as Message['id'], role, content, status: 'done', createdAt: '' };
}

describe('the list of messages', () => {
  const first = itemsOf(message('q1', 'user', 'What is a harbour?'));
  const second = itemsOf(message('a1', 'assistant', 'A place where ships are safe.'));
  const third = itemsOf(message('q2', 'user', 'And a pier?'));

  it('knows when more has come in front of what it shows: then the end stays in view', () => {
    expect(joinsBefore(third, [...first, ...second, ...third])).toBe(true);
    expect(joinsBefore(second, [...first, ...second, ...third])).toBe(true);
  });

  it('is not misled by more behind it, another branch, or its own beginning', () => {
    expect(joinsBefore(first, [...first, ...second])).toBe(false);
    expect(joinsBefore(first, third)).toBe(false);
    expect(joinsBefore([], first)).toBe(false);
  });

  it('lays out few items of a long answer before one is measured', () => {
    const long = itemsOf(message('a2', 'assistant', 'A line of words. '.repeat(60_000)));
    expect(long.length).toBeGreaterThan(20);
    expect(heightHint(long)).toBeGreaterThan(500);
    expect(heightHint([...first, ...second])).toBeUndefined();
    // one long answer among many does not make the others high
    const few = itemsOf(message('a3', 'assistant', 'A line of words. '.repeat(1_000)));
    expect(heightHint([...first, ...second, ...third, ...few])).toBeUndefined();
  });
});
