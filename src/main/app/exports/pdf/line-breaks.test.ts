import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lineBreakPieces, mayBreakBetween } from './line-breaks.ts';

describe('line breaks', () => {
  it.each([
    ['call me  Ishmael', ['call', ' ', 'me', '  ', 'Ishmael']],
    ['well-known a/b', ['well-', 'known', ' ', 'a/', 'b']],
    ['「猫」は、いる。', ['「猫」', 'は、', 'い', 'る。']],
    ['ABC猫d', ['ABC', '猫', 'd']],
    ['-3 and --help', ['-3', ' ', 'and', ' ', '--help']],
  ])('%j -> %j', (text, pieces) => expect(lineBreakPieces(text)).toEqual(pieces));

  it('no line begins with what closes or ends with what opens', () => {
    expect(mayBreakBetween('猫', '。')).toBe(false);
    expect(mayBreakBetween('「', '猫')).toBe(false);
    expect(mayBreakBetween('猫', '猫')).toBe(true);
    expect(mayBreakBetween('bo', 'ld')).toBe(false);
  });

  it('loses nothing, whatever the text', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(fc.property(text, (any) => void expect(lineBreakPieces(any).join('')).toBe(any)));
  });
});
