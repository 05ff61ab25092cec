import { expect, it } from 'vitest';
import { branchOf } from './tree.ts';
import { message, whaleMessages } from './tree.fixture.ts';

it('shows the branch of the current message only', () => {
  expect(branchOf(whaleMessages, 'm3').map(({ content }) => content)).toEqual([
    'What ship?',
    'The **Pequod**.',
  ]);
});

it('ends in a damaged tree instead of going round', () => {
  const loop = [message({ id: 'x', parentId: 'x', role: 'user', content: '' })];
  expect(branchOf(loop, 'x').length).toBeLessThanOrEqual(2);
});
