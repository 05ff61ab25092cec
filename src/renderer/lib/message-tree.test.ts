import { describe, expect, it } from 'vitest';
import type { ConversationId, Message, MessageId } from '../../shared/model/index.ts';
import { branchOf, mergeMessages, newestLeaf, siblingsOf } from './message-tree.ts';

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

  it('takes what has come: known ones that are the same stay the same objects', () => {
    const [q1, a1, q2] = tree;
    if (q1 === undefined || a1 === undefined || q2 === undefined) throw new Error('The tree is too small.');
    const written: Message = { ...a1, content: 'a longer answer' };
    const merged = mergeMessages([a1, q2], [{ ...q1 }, written, { ...q2 }]);
    expect(merged).toHaveLength(3);
    expect(merged.find(({ id }) => id === 'a1')).toBe(written);
    expect(merged.find(({ id }) => id === 'q2')).toBe(q2);
    expect(branchOf(merged, 'q2' as MessageId).map(({ id }) => id)).toEqual(['q1', 'a1', 'q2']);
  });

  it('takes 5,000 messages in no time', () => {
    const long = Array.from({ length: 5_000 }, (_, i) => message(`m${i}`, i === 0 ? null : `m${i - 1}`));
    expect(branchOf(long, 'm4999' as MessageId)).toHaveLength(5_000);
    expect(newestLeaf(long, 'm0' as MessageId)).toBe('m4999');
  });
});
