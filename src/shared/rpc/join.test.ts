import { describe, expect, it } from 'vitest';
import { join } from './join.ts';

const job = (name: string, state: string, rate = 0) => ({ kind: 'job', job: { name, state, rate } });

describe('join', () => {
  it('appends texts, and takes the later of two states of the same thing', () => {
    expect(join({ kind: 'text', text: 'a' }, { kind: 'text', text: 'b' })).toEqual({
      kind: 'text',
      text: 'ab',
    });
    for (const [earlier, later] of [
      [
        { kind: 'queue', place: 2 },
        { kind: 'queue', place: 1 },
      ],
      [
        { kind: 'progress', phase: 'scan', done: 1 },
        { kind: 'progress', phase: 'scan', done: 2 },
      ],
      [
        { kind: 'progress', done: 1 },
        { kind: 'progress', done: 2 },
      ],
      [{ kind: 'conversations' }, { kind: 'conversations' }],
      [{ kind: 'models' }, { kind: 'models' }],
      [
        { kind: 'settings', settings: 1 },
        { kind: 'settings', settings: 2 },
      ],
      [
        { kind: 'answering', conversations: ['a'] },
        { kind: 'answering', conversations: [] },
      ],
      [
        { kind: 'libraries', name: 'a' },
        { kind: 'libraries', name: 'a' },
      ],
      [job('a', 'running', 1), job('a', 'running', 2)],
      [job('a', 'running'), job('a', 'done')],
      [job('a', 'paused'), job('a', 'running')],
    ])
      expect(join(earlier, later)).toBe(later);
  });

  it('keeps both where both are needed', () => {
    for (const [earlier, later] of [
      [
        { kind: 'text', text: 'a' },
        { kind: 'queue', place: 1 },
      ],
      [
        { kind: 'progress', phase: 'scan', done: 1 },
        { kind: 'progress', phase: 'read', done: 2 },
      ],
      [
        { kind: 'file', file: 1 },
        { kind: 'file', file: 2 },
      ],
      [{ kind: 'done' }, { kind: 'done' }],
      [
        { kind: 'note', text: 'a' },
        { kind: 'note', text: 'a' },
      ],
      [
        { kind: 'libraries', name: 'a' },
        { kind: 'libraries', name: 'b' },
      ],
      [
        { kind: 'libraries', name: null },
        { kind: 'libraries', name: 'b' },
      ],
      [job('a', 'running'), job('b', 'running')],
      [job('a', 'done'), job('a', 'running')],
      [{ kind: 'conversations' }, { kind: 'models' }],
    ])
      expect(join(earlier, later)).toBeNull();
  });
});
