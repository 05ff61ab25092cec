import { describe, expect, it } from 'vitest';
import { porterStem } from './porter.ts';
import { termsOf, identifierParts } from './terms.ts';

const texts = (text: string): string[] => termsOf(text).map((term) => term.text);

describe('porterStem: the examples of the 1980 paper', () => {
  const examples: Record<string, string> = {
    caresses: 'caress',
    ponies: 'poni',
    ties: 'ti',
    caress: 'caress',
    cats: 'cat',
    feed: 'feed',
    agreed: 'agre',
    plastered: 'plaster',
    bled: 'bled',
    motoring: 'motor',
    sing: 'sing',
    conflated: 'conflat',
    troubled: 'troubl',
    sized: 'size',
    hopping: 'hop',
    tanned: 'tan',
    falling: 'fall',
    hissing: 'hiss',
    fizzed: 'fizz',
    failing: 'fail',
    filing: 'file',
    happy: 'happi',
    sky: 'sky',
    relational: 'relat',
    conditional: 'condit',
    rational: 'ration',
    valenci: 'valenc',
    hesitanci: 'hesit',
    digitizer: 'digit',
    conformabli: 'conform',
    radicalli: 'radic',
    differentli: 'differ',
    vileli: 'vile',
    analogousli: 'analog',
    vietnamization: 'vietnam',
    predication: 'predic',
    operator: 'oper',
    feudalism: 'feudal',
    decisiveness: 'decis',
    hopefulness: 'hope',
    callousness: 'callous',
    formaliti: 'formal',
    sensitiviti: 'sensit',
    sensibiliti: 'sensibl',
    triplicate: 'triplic',
    formative: 'form',
    formalize: 'formal',
    electriciti: 'electr',
    electrical: 'electr',
    hopeful: 'hope',
    goodness: 'good',
    revival: 'reviv',
    allowance: 'allow',
    inference: 'infer',
    airliner: 'airlin',
    gyroscopic: 'gyroscop',
    adjustable: 'adjust',
    defensible: 'defens',
    irritant: 'irrit',
    replacement: 'replac',
    adjustment: 'adjust',
    dependent: 'depend',
    adoption: 'adopt',
    homologou: 'homolog',
    communism: 'commun',
    activate: 'activ',
    angulariti: 'angular',
    homologous: 'homolog',
    effective: 'effect',
    bowdlerize: 'bowdler',
    probate: 'probat',
    rate: 'rate',
    cease: 'ceas',
    controll: 'control',
    roll: 'roll',
    yellow: 'yellow',
    whales: 'whale',
  };
  it.each(Object.entries(examples))('%s -> %s', (word, expected) => {
    expect(porterStem(word)).toBe(expected);
  });
  it('leaves other scripts and digits alone', () => {
    expect([porterStem('щука'), porterStem('x86s'), porterStem('')]).toEqual(['щука', 'x86s', '']);
  });
});

describe('termsOf', () => {
  it('splits identifiers and keeps them whole', () => {
    expect(texts('getUserById(HTTP_server)')).toEqual([
      'getuserbyid',
      'get',
      'user',
      'by',
      'id',
      'http_server',
      'http',
      'server',
    ]);
    expect(identifierParts('parseHTTPHeader2')).toEqual(['parse', 'HTTP', 'Header2']);
    expect(texts('__init__ _ $')).toEqual(['__init__', 'init']);
  });
  it('removes diacritics, keeps the vowels of scripts that write them as marks', () => {
    expect(texts('Café naïve cafe\u0301')).toEqual(['cafe', 'naiv', 'cafe']);
    expect(texts('हिन्दी')).toEqual(['हिन्दी']);
  });
  it('pairs the characters of scripts without spaces', () => {
    expect(texts('捕鯨船 Pequod号')).toEqual(['捕鯨', '鯨船', '船', 'pequod', '号']);
  });
  it('gives offsets into the text', () => {
    const text = 'Ahab’s whale-ship 白鯨';
    for (const term of termsOf(text)) expect(text.slice(term.start, term.end)).not.toBe('');
    expect(termsOf(text).map((term) => text.slice(term.start, term.end))).toEqual([
      'Ahab',
      's',
      'whale',
      'ship',
      '白鯨',
      '鯨',
    ]);
  });
  it('never gives a term with anything but letters, digits, marks, _ and $, and cuts long runs', () => {
    for (const text of ['"OR" * NEAR(a b)', "a'b\0c\ud800d", 'x'.repeat(5000), '🎉🎉', '½²'])
      for (const term of texts(text)) expect(term).toMatch(/^[\p{L}\p{N}\p{M}_$]{1,64}$/u);
  });
});
