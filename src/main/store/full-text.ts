/** What searches as people type them share: all words, the last one as a prefix; and the text around a hit. */
import { firstCharacter, termsOf, type Term } from '../../shared/text/terms.ts';

const snippetRadius = 60;

/**
 * An FTS5 expression: all terms; a single character of an unspaced script begins a pair.
 * @param shortestPrefix letters that a last word must have to count as the beginning of one
 */
export function matchAll(terms: readonly Term[], shortestPrefix = 1): string {
  const lastEnd = terms.at(-1)?.end;
  return runs(terms)
    .map((run) => {
      const isLast = run.at(-1)?.end === lastEnd;
      const text = run.map((term) => term.text).join(' ');
      const isLongEnough = (run[0]?.text.length ?? 0) >= shortestPrefix;
      const prefix = run[0]?.kind === 'single' || (isLast && isLongEnough && run[0]?.kind === 'word');
      return `"${text}"${prefix ? '*' : ''}`;
    })
    .join(' AND ');
}

/** pairs that follow each other form a phrase; the single character at a run's end is in its last pair already */
function runs(terms: readonly Term[]): Term[][] {
  const found: Term[][] = [];
  for (const term of terms) {
    const run = found.at(-1);
    const before = run?.at(-1);
    const adjoins = before?.kind === 'pair' && term.start < before.end;
    if (run === undefined || !adjoins) found.push([term]);
    else if (term.kind === 'pair') run.push(term);
  }
  return found;
}

/** The terms of a text that are terms of the query, or begin with its last one. */
export function matchingTerms(content: string, query: readonly Term[]): readonly Term[] {
  const wanted = new Set(query.map((term) => term.text));
  const last = query.at(-1);
  return termsOf(content).filter(
    (term) => wanted.has(term.text) || (last !== undefined && term.text.startsWith(last.text)),
  );
}

export interface Match {
  readonly start: number;
  readonly end: number;
}

/**
 * Where a text has words of the query, in order; overlapping ones (an identifier and its parts) too. A word of an
 * unspaced script is found as a whole, not by one of its pairs.
 */
export function matchesIn(content: string, query: readonly Term[]): readonly Match[] {
  const terms = termsOf(content);
  const last = query.at(-1);
  const words = new Set<string>();
  const found: Match[] = [];
  for (const run of runs(query)) {
    const [first] = run;
    if (first?.kind === 'pair') found.push(...phrasesIn(terms, run));
    else if (first?.kind === 'single') found.push(...charactersIn(content, terms, first.text));
    else if (first !== undefined) words.add(first.text);
  }
  for (const term of terms) {
    const isBegun = last?.kind === 'word' && term.text.startsWith(last.text);
    if (words.has(term.text) || isBegun) found.push(term);
  }
  return found.sort((a, b) => a.start - b.start || b.end - a.end);
}

/** the run's pairs, one after the other */
function phrasesIn(terms: readonly Term[], run: readonly Term[]): Match[] {
  const found: Match[] = [];
  for (const [at, { start }] of terms.entries()) {
    if (!run.every(({ text }, i) => terms[at + i]?.text === text)) continue;
    found.push({ start, end: terms[at + run.length - 1]?.end ?? start });
  }
  return found;
}

/** one character, wherever it stands in a run */
function charactersIn(content: string, terms: readonly Term[], character: string): Match[] {
  return terms
    .filter(({ kind, text }) => (kind === 'pair' || kind === 'single') && text.startsWith(character))
    .map(({ start }) => ({ start, end: start + (firstCharacter(content, start)?.length ?? 0) }));
}

/** Text around the first match, all matches within it between U+0001 and U+0002. */
export function snippet(content: string, matches: readonly Match[]): string {
  const first = matches[0];
  const from = boundary(content, Math.max(0, (first?.start ?? 0) - snippetRadius));
  const to = boundary(content, Math.min(content.length, (first?.end ?? 0) + 2 * snippetRadius));
  let marked = '';
  let at = from;
  for (const match of matches) {
    if (match.start < at || match.end > to) continue;
    marked += `${plain(content.slice(at, match.start))}\u0001${plain(content.slice(match.start, match.end))}\u0002`;
    at = match.end;
  }
  marked += plain(content.slice(at, to));
  return `${from > 0 ? '…' : ''}${marked}${to < content.length ? '…' : ''}`;
}

/** a text can't forge the marks */
function plain(text: string): string {
  return text.replaceAll('\u0001', ' ').replaceAll('\u0002', ' ');
}

/** never between the halves of a surrogate pair */
function boundary(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return at > 0 && code >= 0xdc00 && code <= 0xdfff ? at - 1 : at;
}
