/**
 * Pre-tokenizers of byte-level BPE: how a text is cut into words before merging, by `tokenizer.ggml.pre`. `\s` means
 * Unicode's White_Space, as in llama.cpp; JavaScript's own differs in U+0085 and U+FEFF.
 */
import { families, gpt2 } from './pre-tokenizer-families.ts';

export interface PreTokenizer {
  readonly name: string;
  readonly patterns: readonly RegExp[];
  /** its words are those of GPT-2's pattern, cut by hand; null: the patterns cut them */
  readonly gpt2: { readonly digitsApart: boolean } | null;
  /** a word that is a token as a whole is taken without merging */
  readonly wholeWords: boolean;
  /** BOS is added by default */
  readonly addBos: boolean;
}

const byName = new Map(families.flatMap((family) => family.names.map((name) => [name, family])));

/** names that are supported, for messages */
export const preTokenizerNames: readonly string[] = [...byName.keys()].toSorted();

/** @returns undefined for an unknown name */
export function preTokenizer(name: string): PreTokenizer | undefined {
  const family = byName.get(name);
  if (family === undefined) return undefined;
  return {
    name,
    patterns: family.patterns.map(compile),
    gpt2: gpt2Form(family.patterns),
    wholeWords: family.wholeWords ?? false,
    addBos: family.addBos ?? false,
  };
}

function gpt2Form(patterns: readonly string[]): PreTokenizer['gpt2'] {
  const [first, second, ...others] = patterns;
  if (first === gpt2 && second === undefined) return { digitsApart: false };
  const digitsApart = first === String.raw`\p{N}` && second === gpt2 && others.length === 0;
  return digitsApart ? { digitsApart } : null;
}

function compile(pattern: string): RegExp {
  const source = pattern.replaceAll(String.raw`\s`, String.raw`\p{White_Space}`);
  return new RegExp(source.replaceAll(String.raw`\S`, String.raw`\P{White_Space}`), 'gu');
}

/** The known name that takes the fewest edits (Levenshtein 1966); of equally near ones the first in the alphabet. */
export function nearestPreTokenizer(name: string): string {
  const wanted = name.slice(0, 64).toLowerCase();
  let nearest = { name: 'default', edits: Infinity };
  for (const known of preTokenizerNames) {
    const edits = editDistance(wanted, known);
    if (edits < nearest.edits) nearest = { name: known, edits };
  }
  return nearest.name;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, previous[j] + 1, row[j - 1] + 1));
    }
    previous = row;
  }
  return previous[b.length];
}
