import { describe, expect, it } from 'vitest';
import { contentWords, questionTerms, stem, subjectWords, words } from './words.ts';

describe('words', () => {
  it('folds case, accents and possessives', () => {
    expect(words('Captain Ahab’s Café-Crème')).toEqual(['captain', 'ahab', 's', 'cafe', 'creme']);
    expect(words('parseJson reads JSON')).toEqual(['parseJson', 'reads', 'json']);
    expect(contentWords('Captain Ahab’s Café-Crème')).toEqual(['captain', 'ahab', 'cafe', 'creme']);
  });

  it('compares words without their endings, as the index does', () => {
    expect(stem('whalers')).toBe(stem('whaler'));
    expect(stem('cities')).toBe(stem('city'));
    expect(stem('glass')).not.toBe(stem('glacier'));
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

  // "Where is the position of a body checked?" put every passage that defines `position` before all others
  it('takes no plain word for a name that only stands behind "where is"', () => {
    const of = (question: string): readonly string[] => questionTerms(question).identifiers;
    expect(of('Where is the position of a body checked?')).toEqual([]);
    expect(of('Where is it verified that a strategy is allowed?')).toEqual([]);
    expect(of('Where is the function parse defined?')).toEqual(['parse']);
    expect(of('Where is parse?')).toEqual(['parse']);
    expect(of('What is the definition of parse?')).toEqual(['parse']);
  });

  it('does not take prose for a request for a definition', () => {
    expect(questionTerms("What is the name of Captain Ahab's ship?").asksForDefinition).toBe(false);
  });

  it('keeps quoted strings', () => {
    expect(questionTerms('Who says “Call me Ishmael”?').quoted).toEqual(['Call me Ishmael']);
  });
});
