import { describe, expect, it } from 'vitest';
import { guessLanguage, languageIn } from './language-guess.ts';

describe('languageIn', () => {
  it.each([
    ['ja', 'Call me *Ishmael*.', 'en'],
    ['en', 'Call me *Ishmael*.', undefined],
    ['ja', '吾輩は猫である。', 'ja'],
    ['en', '吾輩は猫である。', 'ja'],
    ['ja', '1234 !?', undefined],
  ])('%s: %s', (page, text, expected) => expect(languageIn(page, text)).toBe(expected));
});

describe('guessLanguage', () => {
  it.each([
    ['吾輩は猫である。名前はまだ無い。', 'ja'],
    ['知己知彼，百战不殆。', 'zh'],
    ['나는 학생입니다.', 'ko'],
    ['Call me Ishmael.', undefined],
    ['The word 鯨 means whale, as every reader of Japanese knows.', undefined],
    ['', undefined],
    ['1234 !?', undefined],
  ])('%s', (text, language) => expect(guessLanguage(text)).toBe(language));
});
