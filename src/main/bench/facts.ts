/** Invented facts, and a document that holds them at chosen distances from its end, for `bench recall`. */
import type { Tokenizer } from '../tokenizer/index.ts';

export interface Fact {
  readonly statement: string;
  /** the question with the beginning of its answer */
  readonly question: string;
  /** what completes the answer */
  readonly gold: string;
  /** tokens between the statement and the end of the document, as wanted */
  readonly distance: number;
}

const people = [
  'Anselm',
  'Beatrix',
  'Corvin',
  'Dorothea',
  'Edmund',
  'Felicity',
  'Gerold',
  'Hester',
  'Ivo',
  'Jorunn',
];
const places = ['Marlow', 'Quint', 'Thorne', 'Vesper', 'Wick', 'Yarrow', 'Zell', 'Ashby'];
const answers = [
  'amber',
  'basalt',
  'cedar',
  'damask',
  'ember',
  'flint',
  'garnet',
  'hazel',
  'indigo',
  'juniper',
];

/** A fact per distance and turn: names and answers repeat in other pairs only. */
export function inventFacts(distances: readonly number[], perDistance: number): Fact[] {
  return distances.flatMap((distance, row) =>
    Array.from({ length: perDistance }, (_, turn) => {
      const index = row * perDistance + turn;
      const name = `${people[index % people.length] ?? ''} ${places[Math.floor(index / people.length) % places.length] ?? ''}`;
      const gold = answers[(index * 7 + turn) % answers.length] ?? '';
      return {
        statement: ` The password of ${name} is ${gold}.`,
        question: `\n\nQuestion: What is the password of ${name}?\nAnswer: The password of ${name} is`,
        gold: ` ${gold}`,
        distance,
      };
    }),
  );
}

/**
 * Filler with the statements at their distances.
 * @param filler at least `tokens` ids
 * @returns exactly `tokens` ids
 */
export function documentWith(
  facts: readonly Fact[],
  filler: Int32Array,
  tokens: number,
  tokenizer: Tokenizer,
): Int32Array {
  const document = new Int32Array(tokens);
  // From the end backwards: each statement ends `distance` tokens before the end, or before the one that was placed.
  const placed = facts.toSorted((a, b) => a.distance - b.distance);
  let free = tokens;
  let fillerEnd = filler.length;
  const fill = (from: number): void => {
    const length = free - from;
    document.set(filler.subarray(fillerEnd - length, fillerEnd), from);
    fillerEnd -= length;
    free = from;
  };
  for (const fact of placed) {
    const ids = tokenizer.encode(fact.statement);
    const end = Math.min(free, tokens - fact.distance);
    if (end < ids.length) continue;
    fill(end);
    free -= ids.length;
    document.set(ids, free);
  }
  fill(0);
  return document;
}

/** Plain sentences about nothing: filler where no text is given. */
export function fillerText(sentences: number): string {
  const subjects = ['The old miller', 'A tired clerk', 'The young sailor', 'Her neighbour', 'The gardener'];
  const verbs = ['walked along', 'looked across', 'remembered', 'painted', 'complained about'];
  const objects = [
    'the narrow lane',
    'a quiet harbour',
    'the stone bridge',
    'some wet fields',
    'the market square',
  ];
  const ends = ['before noon', 'without a word', 'in the rain', 'for an hour', 'as everybody knew'];
  let state = 1;
  const pick = (list: readonly string[]): string => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return list[(state >>> 16) % list.length] ?? '';
  };
  return Array.from({ length: sentences }, () =>
    [pick(subjects), pick(verbs), pick(objects), pick(ends)].join(' '),
  ).join('. ');
}
