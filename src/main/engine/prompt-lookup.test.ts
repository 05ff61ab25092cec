import { describe, expect, it } from 'vitest';
import { PromptLookup } from './prompt-lookup.ts';

const after = (...ids: number[]) => new PromptLookup(ids);

describe('PromptLookup', () => {
  it('goes on as the text did after the same two tokens', () => {
    expect(after(5, 6, 7, 8, 9, 5, 6).draft(3)).toEqual([7, 8, 9]);
  });

  it('guesses nothing where the last two tokens are new, or there are none', () => {
    expect(after(5, 6, 7, 6, 5).draft(3)).toEqual([]);
    expect(after().draft(3)).toEqual([]);
    expect(after(1).draft(3)).toEqual([]);
  });

  it('takes the longest match, of equally long ones the latest', () => {
    expect(after(1, 2, 3, 50, 9, 2, 3, 60, 1, 2, 3).draft(1)).toEqual([50]);
    expect(after(2, 3, 50, 9, 2, 3, 60, 8, 2, 3).draft(1)).toEqual([60]);
  });

  it('goes on with a text that repeats itself', () => {
    expect(after(1, 2, 3, 1, 2, 3, 1, 2).draft(7)).toEqual([3, 1, 2, 3, 1, 2, 3]);
    expect(after(4, 4, 4).draft(4)).toEqual([4, 4, 4, 4]);
  });

  it('finds what was appended later', () => {
    const lookup = after(1, 2);
    for (const id of [7, 8, 1, 2]) lookup.append(id);
    expect(lookup.draft(2)).toEqual([7, 8]);
  });

  it('looks at the last 8,192 tokens of a long context, and no further', () => {
    const long = Int32Array.from({ length: 20_000 }, (_, i) => i);
    expect(new PromptLookup([...long, 12_000, 12_001]).draft(2)).toEqual([12_002, 12_003]);
    expect(new PromptLookup([...long, 100, 101]).draft(2)).toEqual([]);
  });
});
