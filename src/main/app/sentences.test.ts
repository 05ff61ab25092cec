import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lines, sentences } from './sentences.ts';

const texts = (text: string): string[] => sentences(text).map(({ start, end }) => text.slice(start, end));

describe('sentences', () => {
  it('splits prose at exact offsets', () => {
    expect(texts('Call me Ishmael. Some years ago—never mind. ')).toEqual([
      'Call me Ishmael.',
      'Some years ago—never mind.',
    ]);
  });

  it('does not stop at titles and initials', () => {
    expect(texts('Mr. Starbuck came. Dr. Bunger and J. R. Coffin left.')).toEqual([
      'Mr. Starbuck came.',
      'Dr. Bunger and J. R. Coffin left.',
    ]);
  });

  it('reads over a wrapped line and stops at a blank one', () => {
    expect(texts('A ship\nthat sails\n\nCHAPTER 2\n\nNext.')).toEqual([
      'A ship\nthat sails',
      'CHAPTER 2',
      'Next.',
    ]);
  });

  it('adds the offset of the text in its document', () => {
    expect(sentences('  One.', 100)).toEqual([{ start: 102, end: 106 }]);
  });

  it('covers every character but white space, in order, once', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const joined = texts(text).join('').replace(/\s/gu, '');
        expect(joined).toBe(text.replace(/\s/gu, ''));
      }),
    );
  });
});

describe('lines', () => {
  it('gives lines of code without indentation and without empty ones', () => {
    const text = 'function a() {\n  return 1;\n\n}\n';
    expect(lines(text).map(({ start, end }) => text.slice(start, end))).toEqual([
      'function a() {',
      'return 1;',
      '}',
    ]);
  });
});
