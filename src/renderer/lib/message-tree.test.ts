import { describe, expect, it } from 'vitest';
import type { ConversationId, Message, MessageId } from '../../shared/model/index.ts';
import { branchOf, newestLeaf, siblingsOf } from './message-tree.ts';

let time = 0;
function message(id: string, parent: string | null, role: Message['role'] = 'user'): Message {
  time += 1;
  return {
    id: id as MessageId,
    conversationId: 'c' as ConversationId,
    parentId: parent as MessageId | null,
    role,
    content: id,
    status: 'done',
    createdAt: new Date(time * 1_000).toISOString(),
  };
}

const tree = [
  message('q1', null),
  message('a1', 'q1', 'assistant'),
  message('q2', 'a1'),
  message('a2', 'q2', 'assistant'),
  message('q2b', 'a1'),
  message('a2b', 'q2b', 'assistant'),
  message('a1b', 'q1', 'assistant'),
];

describe('the tree of messages', () => {
  it('shows the branch of a message, oldest first', () => {
    expect(branchOf(tree, 'a2b' as MessageId).map(({ id }) => id)).toEqual(['q1', 'a1', 'q2b', 'a2b']);
    expect(branchOf(tree, null)).toEqual([]);
  });

  it('ends at a message that is not there, and at a circle', () => {
    expect(branchOf([message('x', 'gone')], 'x' as MessageId)).toHaveLength(1);
    expect(branchOf([message('x', 'y'), message('y', 'x')], 'x' as MessageId)).toHaveLength(2);
  });

  it('hides system messages', () => {
    expect(branchOf([message('s', null, 'system'), message('q', 's')], 'q' as MessageId)).toHaveLength(1);
  });

  it('knows what stands beside a message', () => {
    const siblings = siblingsOf(tree);
    expect(siblings.get('q2' as MessageId)).toEqual(['q2', 'q2b']);
    expect(siblings.get('a1' as MessageId)).toEqual(['a1', 'a1b']);
    expect(siblings.get('q1' as MessageId)).toBeUndefined();
  });

  it('goes on by the newest child', () => {
    expect(newestLeaf(tree, 'a1' as MessageId)).toBe('a2b');
    expect(newestLeaf(tree, 'q2' as MessageId)).toBe('a2');
    expect(newestLeaf(tree, 'q1' as MessageId)).toBe('a1b');
  });

  it('takes 5,000 messages in no time', () => {
    const long = Array.from({ length: 5_000 }, (_, i) => message(`m${i}`, i === 0 ? null : `m${i - 1}`));
    expect(branchOf(long, 'm4999' as MessageId)).toHaveLength(5_000);
    expect(newestLeaf(long, 'm0' as MessageId)).toBe('m4999');
  });
});
