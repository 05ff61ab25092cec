import { expect, it } from 'vitest';
import { SentenceTeller } from './sentence-teller.ts';

it('tells whole sentences, each once, then the rest', () => {
  const told: string[] = [];
  const teller = new SentenceTeller((words) => told.push(words));
  for (const text of [
    'Call',
    'Call me **Ishmael**. So',
    'Call me **Ishmael**. Some years ago. N',
    'Call me **Ishmael**. Some years ago. Never mind',
  ])
    teller.tell(text);
  teller.end('End.');
  teller.end('End.');
  expect(told).toEqual(['Call me Ishmael.', 'Some years ago.', 'Never mind End.']);
});

it('begins anew with another text', () => {
  const told: string[] = [];
  const teller = new SentenceTeller((words) => told.push(words));
  teller.tell('One. Two');
  teller.tell('鯨は白い。');
  expect(told).toEqual(['One.', '鯨は白い。']);
});
