/**
 * Does the passage that answers a question reach the prompt? 200 question-passage pairs (bench/retrieval/*.json) through
 * the app's own choice of passages, by words alone and with the sentence model, no language model involved.
 *
 *   node boot.mjs run bench/retrieval.ts [--top 5] [--missed] [--save]
 *
 * With --missed the pairs are listed whose passage was not among the first `top`. The halves are those that the fusion
 * was chosen on (every second pair, from the first) and not chosen on.
 */
import { parseArgs } from 'node:util';
import type { ChosenPassages } from '../src/main/app/index.ts';
import { choosePassages } from '../src/main/app/index.ts';
import type { Interval } from './bootstrap.ts';
import { blockBootstrap } from './bootstrap.ts';
import { environment, writeResult } from './environment.ts';
import type { IndexedCorpus } from './retrieval/corpus.ts';
import { indexCorpus } from './retrieval/corpus.ts';
import type { Pair } from './retrieval/pairs.ts';
import { isRight, readPairs } from './retrieval/pairs.ts';

interface Outcome {
  readonly question: string;
  readonly found: boolean;
  readonly ms: number;
}

const CORPORA = ['moby', 'code'] as const;
/** tokens; more than the passages can have, so that only their rank decides */
const NO_BUDGET = 1_000_000;

async function evaluate(
  corpus: IndexedCorpus,
  pairs: readonly Pair[],
  top: number,
  nearest?: IndexedCorpus['nearest'],
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const pair of pairs) {
    if (!corpus.passages.some((passage) => isRight(pair, passage))) {
      throw new Error(`No passage is the right one for: ${pair.question}`);
    }
    const choice = {
      version: corpus.version,
      question: pair.question,
      budget: NO_BUDGET,
      limit: top,
      count: ({ text }: { text: string }) => Math.ceil(text.length / 4),
    };
    const begin = performance.now();
    const chosen = await choosePassages(corpus.store, choice, nearest);
    const ms = performance.now() - begin;
    outcomes.push({ question: pair.question, found: holdsRight(chosen, pair, corpus), ms });
  }
  return outcomes;
}

/** Chosen neighbours are joined to blocks: each passage of a block was chosen by itself. */
function holdsRight(chosen: ChosenPassages, pair: Pair, { passages }: IndexedCorpus): boolean {
  return chosen.passages.some((block) =>
    block.passages.some(({ documentHash, index }) =>
      passages.some((one) => one.documentHash === documentHash && one.index === index && isRight(pair, one)),
    ),
  );
}

interface Figure {
  readonly pairs: number;
  readonly found: number;
  /** share that was found, with its 95 % bootstrap interval */
  readonly share: Interval;
  /** found in the half that the fusion was chosen on, and in the other */
  readonly halves: readonly [chosenOn: number, other: number];
  readonly medianMs: number;
  readonly p95Ms: number;
}

function figure(outcomes: readonly Outcome[]): Figure {
  const times = outcomes.map(({ ms }) => ms).sort((a, b) => a - b);
  const at = (share: number): number => Math.round((times[Math.floor(share * times.length)] ?? 0) * 10) / 10;
  const hits = outcomes.map(({ found }) => (found ? 1 : 0));
  const half = (rest: number): number => outcomes.filter(({ found }, i) => found && i % 2 === rest).length;
  return {
    pairs: outcomes.length,
    found: outcomes.filter(({ found }) => found).length,
    // questions do not depend on each other
    share: blockBootstrap(hits, 1),
    halves: [half(0), half(1)],
    medianMs: at(0.5),
    p95Ms: at(0.95),
  };
}

function print(name: string, { pairs, found, share, halves, medianMs, p95Ms }: Figure): void {
  const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;
  const interval = `${percent(share.low)} to ${percent(share.high)}`;
  console.log(
    `${name.padEnd(20)} ${String(found)} (${halves.join(' + ')}) of ${String(pairs)} = ${percent(share.mean)} (${interval}), ${String(medianMs)} ms median, ${String(p95Ms)} ms p95`,
  );
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      top: { type: 'string', default: '5' },
      missed: { type: 'boolean', default: false },
      save: { type: 'boolean', default: false },
    },
  });
  const top = Number(values.top);
  const all: { words: Outcome[]; meaning: Outcome[] } = { words: [], meaning: [] };
  const result: Record<string, unknown> = { environment: environment(), top };
  for (const name of CORPORA) {
    const { note, pairs } = await readPairs(name);
    const corpus = await indexCorpus(name);
    try {
      const words = await evaluate(corpus, pairs, top);
      const embeddingSeconds = await corpus.embed();
      const meaning = await evaluate(corpus, pairs, top, corpus.nearest);
      const missed = meaning.filter(({ found }) => !found).map(({ question }) => question);
      print(`${name}, words`, figure(words));
      print(`${name}, with meaning`, figure(meaning));
      if (values.missed) for (const question of missed) console.log(`       missed: ${question}`);
      const passages = corpus.passages.length;
      console.log(`${' '.repeat(20)} ${String(passages)} passages embedded in ${String(embeddingSeconds)} s`);
      const figures = { words: figure(words), withMeaning: figure(meaning) };
      result[name] = { note, passages, embeddingSeconds, ...figures, missed };
      all.words.push(...words);
      all.meaning.push(...meaning);
    } finally {
      await corpus.close();
    }
  }
  const both = { words: figure(all.words), withMeaning: figure(all.meaning) };
  print('both, words', both.words);
  print('both, with meaning', both.withMeaning);
  if (values.save) writeResult('retrieval', { ...result, both });
}

await main();
