import { expect, it } from 'vitest';
import type { ContentHash } from '../../shared/model/index.ts';
import type { PassageHit } from '../store/index.ts';
import { combine } from './combined-rank.ts';
import { weightedStems } from './weights.ts';

const hit = (text: string, score: number, place: { path?: string; defines?: string[] } = {}): PassageHit => ({
  passage: {
    documentHash: 'a'.repeat(64) as ContentHash,
    index: text.charCodeAt(0),
    start: 0,
    end: text.length,
    lineStart: 1,
    lineEnd: 1,
    section: '',
    defines: place.defines ?? [],
  },
  path: place.path ?? 'a.txt',
  text,
  score,
});
const nothing = weightedStems([], () => 1);
const order = (
  byWords: PassageHit[],
  byMeaning: PassageHit[],
  bonus: (one: PassageHit) => number = () => 0,
  asked = nothing,
): string =>
  combine({ byWords, byMeaning, limit: Math.max(byWords.length, byMeaning.length) }, asked, bonus)
    .map(({ text }) => text)
    .join('');

it('what both searches found comes before what one of them has first', () => {
  const byWords = [hit('a', 4), hit('b', 3.9), hit('c', 1)];
  expect(order(byWords, [hit('x', 0.5), hit('b', 0.49), hit('y', 0.2)]).slice(0, 3)).toBe('bxa');
});

it('one list stays as it is, and each passage comes once', () => {
  expect(order([hit('a', 3), hit('b', 2)], [])).toBe('ab');
  expect(order([], [hit('a', 0.3), hit('b', 0.2)])).toBe('ab');
  expect(order([hit('a', 3), hit('b', 2)], [hit('a', 0.1), hit('b', 0.9)])).toHaveLength(2);
});

it('what a full list left out counts as its last, not as nothing', () => {
  // c was third by words at best, with 3.8 of 4 at most
  expect(order([hit('a', 4), hit('b', 3.8)], [hit('c', 0.5), hit('d', 0.45)])[0]).toBe('c');
});

it('a path or a defined name with the words of the question lifts a passage', () => {
  const asked = weightedStems(['cache', 'key'], () => 1);
  const plain = hit('a', 0.5);
  expect(order([], [plain, hit('b', 0.49, { path: 'src/key-cache.ts' })], () => 0, asked)).toBe('ba');
  expect(order([], [plain, hit('b', 0.49, { defines: ['cacheKey'] })], () => 0, asked)).toBe('ba');
});

it('a definition that is asked for stays first, whatever it means', () => {
  const isLast = ({ text }: PassageHit): number => (text === 'b' ? 2 : 0);
  expect(order([hit('a', 4), hit('b', 1)], [hit('a', 0.9), hit('x', 0.8)], isLast)[0]).toBe('b');
});
