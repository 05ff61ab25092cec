/**
 * Queries over passages as FTS5 expressions. Whatever the text: only terms (letters, digits, marks, _ and $) in
 * double quotes reach FTS5, so that no query can be malformed.
 */
import { termsOf, type Term } from '../../shared/text/terms.ts';

export interface SearchTerm {
  readonly expression: string;
  /** the index term it stands for; null for a prefix */
  readonly text: string | null;
}

/** more terms than these add nothing to a ranking */
const maxTerms = 64;

/** Distinct terms of all words, in order; each counts for itself (OR). */
export function searchTerms(words: readonly string[]): readonly SearchTerm[] {
  const found = new Map<string, SearchTerm>();
  for (const word of words)
    for (const term of withoutRunEnds(termsOf(word))) {
      if (found.size === maxTerms) return [...found.values()];
      const single = term.kind === 'single';
      const expression = single ? `"${term.text}"*` : `"${term.text}"`;
      found.set(expression, { expression, text: single ? null : term.text });
    }
  return [...found.values()];
}

/**
 * How to count the passages with a word: all its terms next to each other (of an identifier, the whole only).
 * `term` is set where the index's own statistics know the answer. null: there is nothing to look for.
 */
export function frequencyExpression(word: string): { expression: string; term: string | null } | null {
  const all = withoutRunEnds(termsOf(word));
  const terms = all.filter(
    (term) =>
      term.kind === 'identifier' || !all.some((whole) => whole.kind === 'identifier' && within(term, whole)),
  );
  const first = terms[0];
  if (first === undefined) return null;
  const last = terms.at(-1);
  const prefix = last?.kind === 'single' ? '*' : '';
  const expression = `"${terms.map((term) => term.text).join(' ')}"${prefix}`;
  return { expression, term: terms.length === 1 && prefix === '' ? first.text : null };
}

function within(inner: Term, outer: Term): boolean {
  return inner.start >= outer.start && inner.end <= outer.end;
}

/** Names as definitions hold them: 'Pool.prototype.connect()' -> Pool, prototype, connect */
export function definedNames(identifiers: readonly string[]): readonly string[] {
  const names = new Set<string>();
  for (const identifier of identifiers)
    for (const match of identifier.matchAll(/[\p{L}\p{N}_$]+/gu))
      if (names.size < maxTerms) names.add(match[0]);
  return [...names];
}

/** the last character of a longer run is in its last pair already */
function withoutRunEnds(terms: readonly Term[]): readonly Term[] {
  return terms.filter((term, index) => {
    const before = terms[index - 1];
    return !(term.kind === 'single' && before?.kind === 'pair' && before.end === term.end);
  });
}
