import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { termsOf } from '../../shared/text/terms.ts';
import { TermText } from './term-text.ts';

/** the definition */
function joined(text: string): string {
  return termsOf(text)
    .map((term) => `${term.text} `)
    .join('')
    .toWellFormed();
}

const hard = [
  '',
  'Call me Ishmael. Some years ago—never mind how long precisely—having little or no money',
  'getUserById(HTTP_server2, $scope.value_1) // naïve café, Straße, ﬁn',
  '東京都へ行く。トウキョウ ﾄｳｷｮｳﾀﾞ 한국어를 배우다 ประเทศไทย',
  '“curly”quotes‘run’together a\u0301b \u{1d538}\u{1f40b}x \ud800 lone \udc00',
  'é'.repeat(47),
  'é'.repeat(48),
  'é'.repeat(49),
  'x'.repeat(200),
  `${'日本'.repeat(40)}語`,
  '_ $ __ a_ _a $$ 0x1F 1_000',
];

describe('TermText', () => {
  it('writes the terms of termsOf, also of words it has seen and of parts of a text', () => {
    const terms = new TermText();
    for (const round of [1, 2])
      for (const text of hard) {
        expect(terms.of(text, 0, text.length), `${String(round)}: ${text}`).toBe(joined(text));
        const [from, to] = [Math.floor(text.length / 3), Math.ceil((2 * text.length) / 3)];
        expect(terms.of(text, from, to)).toBe(joined(text.slice(from, to)));
      }
  });

  it('does so when its tables are full and begun anew', () => {
    const terms = new TermText();
    const text = Array.from({ length: 150_000 }, (_, i) => `word${String(i)}x`).join(' ');
    for (let from = 0; from < text.length; from += 100_000) {
      const part = text.slice(from, from + 100_000);
      expect(terms.of(text, from, from + part.length)).toBe(joined(part));
    }
  });

  it('does so in the sources of this folder', () => {
    const terms = new TermText();
    for (const name of readdirSync(import.meta.dirname)) {
      if (!name.endsWith('.ts')) continue;
      const text = readFileSync(`${import.meta.dirname}/${name}`, 'utf8');
      expect(terms.of(text, 0, text.length)).toBe(joined(text));
    }
  });
});
