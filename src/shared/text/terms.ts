/**
 * Terms: what the search index holds and what queries are made of. One rule for both sides.
 *
 * - Words: letters, digits and marks, lower case, without diacritics, English suffixes stripped (Porter).
 * - Identifiers of source code (camelCase, snake_case): the whole, unstemmed, and each part as a word.
 * - Scripts written without spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese) and Korean, whose particles
 *   stick to the words: overlapping pairs of characters, and the last character of a run alone. Pairs, because
 *   most Chinese and Japanese words are two characters long: trigrams can't find them.
 */
import { porterStem } from './porter.ts';

export interface Term {
  readonly text: string;
  /** offsets in UTF-16 code units of the text it was found in */
  readonly start: number;
  readonly end: number;
  readonly kind: 'word' | 'identifier' | 'pair' | 'single';
}

/** longer runs (base64, hashes) are cut, on both sides alike */
const maxTermLength = 64;
const wordPattern = /[\p{L}\p{N}\p{M}_$]+/gu;
const asciiOnly = /^[\p{ASCII}]+$/u;
const compound = /[_$]|[a-z0-9][A-Z]|[A-Z]{2}[a-z]/;
const unspaced =
  /(?:[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}\u30fc\uff70]|[\u3099\u309a\uff9e\uff9f])+/gu;
/** one with its voice marks: half-width kana are written in two parts */
const unspacedCharacter = /[^][\u3099\u309a\uff9e\uff9f]*/uy;
/** combining marks of Latin, Greek, Cyrillic; points of Hebrew; short vowels of Arabic */
const diacritics = /[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u064b-\u065f\u0670]/g;

const stemCache = new Map<string, string>();

/** Porter's stem, remembered: a book has few different words. */
function stem(word: string): string {
  let found = stemCache.get(word);
  if (found === undefined) {
    found = porterStem(word);
    if (stemCache.size > 100_000) stemCache.clear();
    stemCache.set(word, found);
  }
  return found;
}

/** Lower case, compatibility forms unified, diacritics removed. */
export function foldText(text: string): string {
  if (asciiOnly.test(text)) return text.toLowerCase();
  return text.normalize('NFKD').replace(diacritics, '').normalize('NFC').toLowerCase();
}

/** 'getUserById' -> ['get', 'User', 'By', 'Id']; 'HTTP_server2' -> ['HTTP', 'server2'] */
export function identifierParts(identifier: string): string[] {
  return identifier
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .split(/[\s_$]+/)
    .filter((part) => part !== '');
}

/** All terms of a text in order. Pure letters and digits (and _ $ in identifiers): safe to quote anywhere. */
export function termsOf(text: string): Term[] {
  const found: Term[] = [];
  for (const match of text.matchAll(wordPattern)) {
    const word = match[0];
    const start = match.index;
    const end = start + word.length;
    if (!asciiOnly.test(word)) foreignTerms(word, start, found);
    else if (compound.test(word)) identifierTerms(word, start, end, found);
    else found.push({ text: stem(cut(word.toLowerCase())), start, end, kind: 'word' });
  }
  return found;
}

function identifierTerms(word: string, start: number, end: number, found: Term[]): void {
  const parts = identifierParts(word);
  if (parts.length === 0) return;
  found.push({ text: cut(word.toLowerCase()), start, end, kind: 'identifier' });
  for (const part of parts) found.push({ text: stem(cut(part.toLowerCase())), start, end, kind: 'word' });
}

function foreignTerms(word: string, offset: number, found: Term[]): void {
  let from = 0;
  for (const run of word.matchAll(unspaced)) {
    foldedWord(word.slice(from, run.index), offset + from, found);
    pairTerms(run[0], offset + run.index, found);
    from = run.index + run[0].length;
  }
  foldedWord(word.slice(from), offset + from, found);
}

function foldedWord(word: string, start: number, found: Term[]): void {
  const folded = cut(foldText(word).replace(/[^\p{L}\p{N}\p{M}]+/gu, ''));
  if (folded !== '') found.push({ text: stem(folded), start, end: start + word.length, kind: 'word' });
}

function pairTerms(run: string, offset: number, found: Term[]): void {
  const characters: string[] = [];
  for (let at = 0; at < run.length; at += characters.at(-1)?.length ?? 1)
    characters.push(firstCharacter(run, at) ?? '');
  let start = offset;
  for (const [index, character] of characters.entries()) {
    const next = characters[index + 1];
    const end = start + character.length + (next?.length ?? 0);
    const text = foldText(character + (next ?? '')).replace(/[^\p{L}\p{N}\p{M}]+/gu, '');
    if (text !== '') found.push({ text, start, end, kind: next === undefined ? 'single' : 'pair' });
    start += character.length;
  }
}

/** the character at an offset, with its voice marks; null: there is none */
export function firstCharacter(text: string, at: number): string | null {
  unspacedCharacter.lastIndex = at;
  return unspacedCharacter.exec(text)?.[0] ?? null;
}

function cut(term: string): string {
  if (term.length <= maxTermLength) return term;
  return term
    .slice(0, maxTermLength)
    .toWellFormed()
    .replace(/\ufffd$/, '');
}
