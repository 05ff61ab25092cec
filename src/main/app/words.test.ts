import { describe, expect, it } from 'vitest';
import { contentWords, fold, questionTerms, stem, subjectWords, variants, words } from './words.ts';

describe('words', () => {
  it('folds case, accents and possessives, and keeps exact places', () => {
    const text = 'Captain Ahab’s Café-Crème';
    expect(words(text).map((word) => word.text)).toEqual(['captain', 'ahab', 'cafe', 'creme']);
    for (const word of words(text)) expect(fold(text.slice(word.start, word.end))).toBe(word.text);
  });

  it('compares words without their endings', () => {
    expect(stem('whalers')).toBe(stem('whaler'));
    expect(stem('named')).toBe(stem('names'));
    expect(stem('cities')).toBe(stem('city'));
    expect(stem('glass')).toBe('glass');
    expect(stem('Öl')).toBe('Öl');
  });

  it('knows singular and plural forms', () => {
    expect(variants('whale')).toEqual(['whale', 'whales']);
    expect(variants('boxes')).toEqual(['boxes', 'box']);
    expect(variants('city')).toEqual(['city', 'cities']);
    expect(variants('x1')).toEqual(['x1']);
  });

  it('drops stop words and the frame of a question', () => {
    expect(contentWords('What is the name of the ship?')).toEqual(['name', 'ship']);
    expect(subjectWords("What is the name of Captain Ahab's ship?")).toEqual(['captain', 'ahab', 'ship']);
    expect(subjectWords('What is it called?')).toEqual(['called']);
  });
});

describe('questionTerms', () => {
  it('finds identifiers in their own spelling', () => {
    expect(questionTerms('What does parseJson do with max_bytes and fs.readFile()?').identifiers).toEqual([
      'parseJson',
      'max_bytes',
      'fs.readFile',
      'readFile',
    ]);
    expect(questionTerms('What is `Foo`?').identifiers).toEqual(['Foo']);
    expect(questionTerms('Who is Peter Coffin?').identifiers).toEqual([]);
  });

  it('takes a plain word for a name when the wording says so', () => {
    const terms = questionTerms('Where is parse implemented?');
    expect(terms.asksForDefinition).toBe(true);
    expect(terms.identifiers).toEqual(['parse']);
    expect(questionTerms('Which file defines the class Store?').identifiers).toEqual(['Store']);
  });

  it('does not take prose for a request for a definition', () => {
    expect(questionTerms("What is the name of Captain Ahab's ship?").asksForDefinition).toBe(false);
  });

  it('keeps quoted strings', () => {
    expect(questionTerms('Who says “Call me Ishmael”?').quoted).toEqual(['Call me Ishmael']);
  });
});
