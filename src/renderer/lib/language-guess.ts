/** The language of a text by its script, where the script decides how it is set: fonts, line breaks, emphasis. */

/** characters that are looked at: a page or two */
const SAMPLE = 4_000;
/** of the letters; below it the foreign words are quotations */
const SHARE = 0.2;

/** 'ja', 'zh' or 'ko'; undefined: a language whose typography is that of the page */
export function guessLanguage(text: string): 'ja' | 'zh' | 'ko' | undefined {
  const sample = text.slice(0, SAMPLE);
  const letters = count(sample, /\p{L}/gu);
  if (letters === 0) return undefined;
  const kana = count(sample, /[\p{Script=Hiragana}\p{Script=Katakana}]/gu);
  const han = count(sample, /\p{Script=Han}/gu);
  const hangul = count(sample, /\p{Script=Hangul}/gu);
  if (hangul / letters >= SHARE) return 'ko';
  if ((kana + han) / letters < SHARE) return undefined;
  // Japanese is never without kana for long; Chinese has none.
  return kana > 0.05 * (kana + han) ? 'ja' : 'zh';
}

/**
 * What `lang` an element with this text gets. In a Japanese page Latin letters are marked as well, or they would be set as
 * Japanese is: no italics, dots above emphasis. As English, which most of it is; of other languages a browser needs no more.
 * @param page the language of the interface
 */
export function languageIn(page: string, text: string): 'ja' | 'zh' | 'ko' | 'en' | undefined {
  const guess = guessLanguage(text);
  return guess === undefined && page === 'ja' && /\p{Script=Latin}/u.test(text) ? 'en' : guess;
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}
