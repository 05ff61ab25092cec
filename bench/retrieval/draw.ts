/**
 * Draws what the questions of this folder were written for: passages evenly over a book, functions evenly over a package.
 *
 *   node boot.mjs run bench/retrieval/draw.ts moby|code
 */
import type { Candidate } from './pairs.ts';
import { indexCorpus } from './corpus.ts';

const DRAWN = 100;
const SHOWN = 620;
/** a description and, right below it, what it describes */
const DESCRIBED =
  /\/\*\*\s*\n((?:\s*\*(?!\/)[^\n]*\n)+)\s*\*\/\s*\n\s*(?:export\s+)?(?:async\s+)?(?:function\*?\s+|class\s+|static\s+|)([A-Za-z_$#][\w$]*)/;
const SHORTEST_NAME = 6;
const SHORTEST_DESCRIPTION = 30;

function described(passages: readonly Candidate[]): string[] {
  const defined = new Map<string, number>();
  for (const name of passages.flatMap(({ defines }) => defines))
    defined.set(name, (defined.get(name) ?? 0) + 1);
  return passages.flatMap(({ path, text }) => {
    const [, comment = '', name = ''] = DESCRIBED.exec(text) ?? [];
    const words = comment.replace(/^\s*\*\s?/gm, '').replace(/\s+/g, ' ');
    const description = (words.split('@')[0] ?? '').trim();
    const fits = name.length >= SHORTEST_NAME && description.length >= SHORTEST_DESCRIPTION;
    return fits && defined.get(name) === 1 ? [`${path} ${name} | ${description}`] : [];
  });
}

function evenly(all: readonly string[]): string[] {
  return Array.from({ length: DRAWN }, (_, i) => all[Math.floor(((i + 0.5) * all.length) / DRAWN)] ?? '');
}

const name = process.argv[2];
if (name !== 'moby' && name !== 'code') throw new Error('Say moby or code.');
const corpus = await indexCorpus(name);
try {
  const all =
    name === 'code'
      ? described(corpus.passages)
      : corpus.passages.map(({ text }) => text.replace(/\s+/g, ' ').slice(0, SHOWN));
  for (const one of evenly(all)) console.log(one);
} finally {
  await corpus.close();
}
