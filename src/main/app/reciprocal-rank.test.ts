import { expect, it } from 'vitest';
import type { ContentHash } from '../../shared/model/index.ts';
import type { PassageHit } from '../store/index.ts';
import { fuse } from './reciprocal-rank.ts';

const hit = (text: string): PassageHit => ({
  passage: {
    documentHash: 'a'.repeat(64) as ContentHash,
    index: text.charCodeAt(0),
    start: 0,
    end: text.length,
    lineStart: 1,
    lineEnd: 1,
    section: '',
    defines: [],
  },
  path: 'a.txt',
  text,
  score: 1,
});
const hits = (texts: string): PassageHit[] => [...texts].map(hit);
const order = (rankings: readonly string[], bonus: (one: PassageHit) => number = () => 0): string =>
  fuse(rankings.map(hits), bonus)
    .map(({ text }) => text)
    .join('');

it('what stands in both rankings comes before what one of them has first', () => {
  expect(order(['abcd', 'xbyz'])).toBe('baxcydz');
});

it('one ranking stays as it is, and each passage comes once', () => {
  expect(order(['abc', ''])).toBe('abc');
  expect(order(['abc', 'cba'])).toHaveLength(3);
});

it('a definition that is asked for stays first, wherever it stands', () => {
  expect(order(['abcd', 'baxy'], ({ text }) => (text === 'd' ? 2 : 0))[0]).toBe('d');
});
