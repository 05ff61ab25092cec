import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { cutGpt2Words } from './gpt2-words.ts';
import { preTokenizer, type PreTokenizer } from './pre-tokenizers.ts';
import { forEachWord } from './words.ts';

function byPattern(text: string, { patterns }: PreTokenizer): string[] {
  const words: string[] = [];
  forEachWord(text, patterns, (word) => words.push(word));
  return words;
}

function byHand(text: string, form: PreTokenizer): string[] {
  const units = Uint16Array.from({ length: text.length }, (_, at) => text.charCodeAt(at));
  const words: string[] = [];
  cutGpt2Words(units, text.length, form.gpt2?.digitsApart ?? false, {
    word: (start, end) => words.push(text.slice(start, end)),
    foreign: (start, end) => words.push(...byPattern(text.slice(start, end), form)),
  });
  return words;
}

function form(name: string): PreTokenizer {
  const found = preTokenizer(name);
  if (found === undefined || found.gpt2 === null) throw new Error(`${name} is not of GPT-2's kind`);
  return found;
}

/** mulberry32 */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const pieces = [
  ...['a', 'B', 'the', 'll', 's', 'm', 're', 've', 't', 'd', '1', '23', '  ', ' ', '\n', '\t', '\r\n', '\v'],
  ...[
    "'",
    "''",
    "'s",
    "'ll",
    "'r",
    '.',
    ', ',
    '_',
    '{',
    '\x00',
    '\x1c',
    '\x7f',
    'é',
    '—',
    '“',
    '日本',
    '\u{1f40b}',
  ],
  ...['\u00a0', '\u0085', '\u3000', '\ufeff', '٣', '\u0301', 'ſ'],
];

describe.each(['gpt-2', 'smollm'])('words of %s', (name) => {
  it('are those of its patterns, whatever stands beside what', () => {
    const random = randomOf(name.length);
    for (let round = 0; round < 20_000; round++) {
      const text = Array.from({ length: 1 + random(12) }, () => pieces[random(pieces.length)]).join('');
      expect(byHand(text, form(name)), JSON.stringify(text)).toEqual(byPattern(text, form(name)));
    }
  });

  it('are those of its patterns in source code', () => {
    const text = readFileSync(new URL('./pre-tokenizer-families.ts', import.meta.url), 'utf8');
    expect(byHand(text, form(name))).toEqual(byPattern(text, form(name)));
  });
});
