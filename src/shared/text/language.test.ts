import { expect, it } from 'vitest';
import { languageOf } from './language.ts';

it.each([
  ['吾輩は猫である。名前はまだ無い。', 'ja'],
  ['メニュー', 'ja'],
  ['関数 `parse` は AST を返します。', 'ja'],
  ['한국어 문장입니다.', 'ko'],
  ['我能吞下玻璃而不伤身体。', 'zh'],
  ['The word 猫 means cat, and nothing else in this sentence is Japanese.', null],
  ['Call me Ishmael.', null],
  ['', null],
  ['123 -- \u0000', null],
])('%j is %s', (text, language) => expect(languageOf(text)).toBe(language));
