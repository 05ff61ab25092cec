import { describe, expect, it } from 'vitest';
import type { ContentHash, Passage } from '../../shared/model/index.ts';
import { cite, NOTHING_FOUND, verifyCitation, withoutNote } from './citations.ts';
import type { CitedDocument, ReadPassage } from './citations.ts';
import { wordWeights } from './weights.ts';

const hash = 'a'.repeat(64) as ContentHash;

function passageOf(text: string, fields: Partial<Passage> = {}): Passage {
  return {
    documentHash: hash,
    index: 0,
    start: 0,
    end: text.length,
    lineStart: 1,
    lineEnd: text.split('\n').length,
    section: '',
    defines: [],
    ...fields,
  };
}

function citeIn(
  text: string,
  question: string,
  answer: string,
  options: { kind?: string; defines?: readonly string[]; counts?: Readonly<Record<string, number>> } = {},
): ReturnType<typeof cite> {
  const document: CitedDocument = { text, title: 'Moby-Dick', kind: options.kind ?? 'text' };
  const passage: ReadPassage = {
    passage: passageOf(text, { defines: options.defines ?? [] }),
    path: 'book.txt',
  };
  const counts = options.counts ?? {};
  return cite({
    question,
    answer,
    passages: [passage],
    documents: new Map([[hash, document]]),
    weight: wordWeights(Object.keys(counts), Object.values(counts), 1000),
  });
}

const BOOK = `It was a cold night. The chief mate of the Pequod was Starbuck, a native of Nantucket, and a Quaker by descent. He was a long, earnest man.

Stubb was the second mate. He was a native of Cape Cod; and hence, according to local usage, was called a Cape-Cod-man.`;

/** in how many of 1,000 passages */
const COUNTS = {
  chief: 60,
  mate: 90,
  pequod: 180,
  starbuck: 150,
  captain: 300,
  ahab: 400,
  daughter: 3,
  stubb: 200,
  second: 60,
  place: 200,
  native: 20,
};

describe('cite', () => {
  it('quotes the sentence that supports question and answer, word for word, with its place', () => {
    const [first, ...rest] = citeIn(
      BOOK,
      'Who was the chief mate of the Pequod?',
      'Starbuck was the chief mate.',
      {
        counts: COUNTS,
      },
    );
    expect(rest).toEqual([]);
    expect(first?.quote).toBe(
      'The chief mate of the Pequod was Starbuck, a native of Nantucket, and a Quaker by descent.',
    );
    expect(first === undefined ? false : verifyCitation(first, BOOK.slice(first.start, first.end))).toBe(
      true,
    );
    expect(first?.lineStart).toBe(1);
  });

  it('takes the subject from the sentence before: "He was a native of Cape Cod"', () => {
    const [first] = citeIn(BOOK, 'Of what place was Stubb, the second mate, a native?', 'Cape Cod.', {
      counts: COUNTS,
    });
    expect(first?.quote).toContain('native of Cape Cod');
    expect(first?.lineStart).toBe(3);
  });

  it('cites nothing when a heavy word of the question is nowhere', () => {
    const answer = "Captain Ahab's daughter is named Starbuck.";
    expect(citeIn(BOOK, "What is the name of Captain Ahab's daughter?", answer, { counts: COUNTS })).toEqual(
      [],
    );
  });

  it('cites nothing when the answer shares no word with what was read', () => {
    expect(citeIn(BOOK, 'Who was the chief mate of the Pequod?', 'Gulliver.', { counts: COUNTS })).toEqual(
      [],
    );
  });

  it('does not take a heading for a sentence', () => {
    const text = 'The Pequod Meets The Rachel\n\nThe Pequod met the Rachel at noon.';
    const passage = passageOf(text, { section: 'The Pequod Meets The Rachel' });
    const citations = cite({
      question: 'Whom did the Pequod meet?',
      answer: 'The Pequod met the Rachel.',
      passages: [{ passage, path: 'book.txt' }],
      documents: new Map([[hash, { text, title: null, kind: 'text' }]]),
      weight: wordWeights([], [], 1000),
    });
    expect(citations.map(({ quote }) => quote)).toEqual(['The Pequod met the Rachel at noon.']);
  });

  it('cites nothing for an empty answer', () => {
    expect(citeIn(BOOK, 'Who was the chief mate of the Pequod?', '', { counts: COUNTS })).toEqual([]);
  });

  it('cites the line of a definition, not a use or a comment', () => {
    const code = `import { parseRange } from './range';\n\n// parseRange reads a range\nexport function parseRange(text) {\n  return parseRange(text);\n}\n`;
    const [first] = citeIn(code, 'Where is parseRange implemented?', 'It is implemented in book.txt.', {
      kind: 'code',
      defines: ['parseRange'],
    });
    expect(first?.quote).toBe('export function parseRange(text) {');
    expect(first?.lineStart).toBe(4);
    expect(first?.lineEnd).toBe(4);
  });
});

describe('the note of an answer without citation', () => {
  it('comes off before the answer is read again', () => {
    expect(withoutNote(`It is Gulliver.${NOTHING_FOUND}`)).toBe('It is Gulliver.');
    expect(withoutNote('It is Gulliver.')).toBe('It is Gulliver.');
  });
});
