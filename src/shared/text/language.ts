/** In how far the script tells the language: what is written in kana is Japanese, and must be set as such. */

/** how much of a long text is looked at, in UTF-16 code units */
const sample = 20_000;

/**
 * 'ja' where kana, 'ko' where hangul, 'zh' where only Chinese characters make up a good part of the letters; null
 * where the script does not tell.
 */
export function languageOf(text: string): 'ja' | 'ko' | 'zh' | null {
  const start = text.slice(0, sample);
  const kana = count(start, /[\p{Script=Hiragana}\p{Script=Katakana}]/gu);
  const hangul = count(start, /\p{Script=Hangul}/gu);
  const han = count(start, /\p{Script=Han}/gu);
  const letters = count(start, /\p{L}/gu);
  if ((kana + hangul + han) * 5 < letters || kana + hangul + han === 0) return null;
  if (kana * 20 >= han && kana >= hangul && kana > 0) return 'ja';
  return hangul >= han ? 'ko' : 'zh';
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}
