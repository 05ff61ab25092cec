import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sentenceModel } from '../engine/testing/test-data.ts';
import { WordPieceEncoder } from './word-piece-encoder.ts';

const small = Object.fromEntries(
  ['[UNK]', 'whale', '##r', '##rs', 'the', ',', 'cafe', '鯨', 'a', '##b'].map((token, id) => [token, id]),
);

describe('a small vocabulary', () => {
  const encoder = new WordPieceEncoder(small);

  it('takes the longest beginning, then the longest of the rest', () => {
    expect(encoder.encode('the whalers')).toEqual([4, 1, 3]);
    expect(encoder.encode('the whaler,the')).toEqual([4, 1, 2, 5, 4]);
  });

  it('a word that is no sum of tokens is unknown as a whole', () => {
    expect(encoder.encode('the whaling')).toEqual([4, 0]);
  });

  it('folds case and accents, drops controls, sets ideographs apart', () => {
    expect(encoder.encode('THE\u0000 Café the鯨the')).toEqual([4, 6, 4, 7, 4]);
  });

  it('gives no more than the limit', () => {
    expect(encoder.encode('the the whalers the', 3)).toEqual([4, 4, 1]);
    expect(encoder.encode('the', 0)).toEqual([]);
  });

  it('a word of 100,000 letters takes no longer than a look', () => {
    expect(encoder.encode(`a${'b'.repeat(100_000)} the`)).toEqual([0, 4]);
    expect(encoder.encode(`a${'b'.repeat(99)}`)).toHaveLength(100);
  });

  it('needs [UNK]', () => {
    expect(() => new WordPieceEncoder({ a: 1 })).toThrow(/UNK/);
  });
});

const model = sentenceModel();
describe.skipIf(model.missing)(
  `all-MiniLM-L6-v2${model.missing ? ' (skipped: the sentence model is not installed)' : ''}`,
  () => {
    interface Case {
      readonly text: string;
      readonly ids: readonly number[];
    }
    const read = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));
    const { cases } = read(join(import.meta.dirname, 'testing/word-piece-ids.json')) as { cases: Case[] };

    it('gives the ids of its own tokenizer', () => {
      const file = read(join(model.path, 'tokenizer.json')) as { model: { vocab: Record<string, number> } };
      const encoder = new WordPieceEncoder(file.model.vocab);
      for (const { text, ids } of cases) expect(encoder.encode(text), text).toEqual(ids);
    });
  },
);
