/**
 * Porter's suffix stripper for English (M. F. Porter, "An algorithm for suffix stripping", Program 14(3), 1980,
 * pp. 130-137), with the two departures of his own later C version (`bli` -> `ble`, `logi` -> `log`).
 * "whales" and "whale", "named" and "naming" meet in one term. Words of other languages pass mostly unchanged.
 */
const consonant = '[^aeiou]';
const vowel = '[aeiouy]';
const consonants = `${consonant}[^aeiouy]*`;
const vowels = `${vowel}[aeiou]*`;
/** m > 0: at least one vowel-consonant pair */
const measureAbove0 = new RegExp(`^(?:${consonants})?${vowels}${consonants}`);
const measureIs1 = new RegExp(`^(?:${consonants})?${vowels}${consonants}(?:${vowels})?$`);
const measureAbove1 = new RegExp(`^(?:${consonants})?${vowels}${consonants}${vowels}${consonants}`);
const hasVowel = new RegExp(`^(?:${consonants})?${vowel}`);
/** *o: ends consonant-vowel-consonant, where the last is not w, x or y */
const endsShort = new RegExp(`^${consonants}${vowel}[^aeiouwxy]$`);

const step2: readonly (readonly [string, string])[] = [
  ['ational', 'ate'],
  ['tional', 'tion'],
  ['enci', 'ence'],
  ['anci', 'ance'],
  ['izer', 'ize'],
  ['bli', 'ble'],
  ['alli', 'al'],
  ['entli', 'ent'],
  ['eli', 'e'],
  ['ousli', 'ous'],
  ['ization', 'ize'],
  ['ation', 'ate'],
  ['ator', 'ate'],
  ['alism', 'al'],
  ['iveness', 'ive'],
  ['fulness', 'ful'],
  ['ousness', 'ous'],
  ['aliti', 'al'],
  ['iviti', 'ive'],
  ['biliti', 'ble'],
  ['logi', 'log'],
];
const step3: readonly (readonly [string, string])[] = [
  ['icate', 'ic'],
  ['ative', ''],
  ['alize', 'al'],
  ['iciti', 'ic'],
  ['ical', 'ic'],
  ['ful', ''],
  ['ness', ''],
];
const step4 =
  /^(.+?)(?:al|ance|ence|er|ic|able|ible|ant|ement|ment|ent|(?<=[st])ion|ou|ism|ate|iti|ous|ive|ize)$/;

/** @param word lower-case ASCII letters; anything else is returned as it is */
export function porterStem(word: string): string {
  if (word.length < 3 || !/^[a-z]+$/.test(word)) return word;
  // an initial y is a consonant: hidden from the patterns by a capital
  let stem = word.startsWith('y') ? `Y${word.slice(1)}` : word;
  stem = inflections(plurals(stem));
  if (stem.endsWith('y') && hasVowel.test(stem.slice(0, -1))) stem = `${stem.slice(0, -1)}i`;
  stem = replaceSuffix(stem, step2);
  stem = replaceSuffix(stem, step3);
  stem = tidy(dropSuffix(stem));
  return stem.toLowerCase();
}

/** step 1a */
function plurals(word: string): string {
  if (/(?:ss|i)es$/.test(word)) return word.slice(0, -2);
  if (/[^s]s$/.test(word)) return word.slice(0, -1);
  return word;
}

/** step 1b */
function inflections(word: string): string {
  if (word.endsWith('eed')) return measureAbove0.test(word.slice(0, -3)) ? word.slice(0, -1) : word;
  const match = /^(.+?)(?:ed|ing)$/.exec(word);
  const stem = match?.[1];
  if (stem === undefined || !hasVowel.test(stem)) return word;
  if (/(?:at|bl|iz)$/.test(stem)) return `${stem}e`;
  if (/([^aeiouylsz])\1$/.test(stem)) return stem.slice(0, -1);
  return endsShort.test(stem) ? `${stem}e` : stem;
}

/** steps 2 and 3: the longest suffix that fits decides, and is replaced where m > 0 */
function replaceSuffix(word: string, suffixes: readonly (readonly [string, string])[]): string {
  let best: readonly [string, string] | undefined;
  for (const pair of suffixes)
    if (word.endsWith(pair[0]) && (best === undefined || pair[0].length > best[0].length)) best = pair;
  if (best === undefined) return word;
  const stem = word.slice(0, -best[0].length);
  return measureAbove0.test(stem) ? stem + best[1] : word;
}

/** step 4 */
function dropSuffix(word: string): string {
  const stem = step4.exec(word)?.[1];
  return stem !== undefined && measureAbove1.test(stem) ? stem : word;
}

/** step 5 */
function tidy(word: string): string {
  let stem = word;
  if (stem.endsWith('e')) {
    const rest = stem.slice(0, -1);
    if (measureAbove1.test(rest) || (measureIs1.test(rest) && !endsShort.test(rest))) stem = rest;
  }
  return stem.endsWith('ll') && measureAbove1.test(stem.slice(0, -1)) ? stem.slice(0, -1) : stem;
}
