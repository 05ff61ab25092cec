import { AppError } from '../../shared/errors.ts';
import type { StateHandle } from '../engine/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';
import { commonFigures, emptyState, withEngine } from './engine-run.ts';
import type { EngineRun } from './engine-run.ts';
import { documentWith, fillerText, inventFacts } from './facts.ts';
import type { Fact } from './facts.ts';
import { mean, rounded } from './statistics.ts';
import { idsOfFile, tokenizerOf } from './text-ids.ts';
import type { BenchRequest, BenchResult } from './types.ts';

const perDistance = 4;
const nearest = 256;

/**
 * What is remembered from how far: invented facts stand in a document of `tokens` (8k) tokens at doubling distances
 * from its end; asked for there, how probable is the right answer (natural log, per token), and how often is it what
 * greedy decoding says? Next to it the same questions without the document.
 */
export async function benchRecall(request: BenchRequest): Promise<BenchResult> {
  const tokens = request.tokens ?? 8192;
  if (tokens < 2 * nearest)
    throw new AppError('usage', `bench recall needs at least ${2 * nearest} tokens.`, 'Raise --tokens.');
  const tokenizer = await tokenizerOf(request.model);
  const distances: number[] = [];
  for (let distance = nearest; distance <= tokens * 0.9; distance *= 2) distances.push(distance);
  const facts = inventFacts(distances, perDistance);
  const document = documentWith(facts, await fillerOf(request, tokenizer, tokens), tokens, tokenizer);
  // The document's state, a copy that is asked, and the empty one.
  return withEngine(request, { plan: 'adapted', ownPlan: true, maxMemoryMB: 8000 }, async (run) => {
    const state = await emptyState(run);
    const start = performance.now();
    await run.engine.prefill(state, document, {
      priority: 'chat',
      onProgress: ({ done, total }) => request.onProgress?.(done, total, 'reading'),
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
    const seconds = (performance.now() - start) / 1000;
    const asked: { fact: Fact; there: Answered; without: Answered }[] = [];
    for (const fact of facts) {
      const there = await ask(run, await run.engine.fork(state), fact, tokenizer);
      const without = await ask(run, await emptyState(run), fact, tokenizer);
      asked.push({ fact, there, without });
      request.onProgress?.(asked.length, facts.length, 'asking');
    }
    return {
      ...(await commonFigures('recall', run)),
      contextTokens: tokens,
      tokensPerSecond: rounded(tokens / seconds),
      facts: facts.length,
      byDistance: distances.map((distance) => {
        const here = asked.filter(({ fact }) => fact.distance === distance);
        return {
          distance,
          logProbability: rounded(mean(here.map(({ there }) => there.logProbability)), 3),
          exactShare: mean(here.map(({ there }) => Number(there.exact))),
          withoutDocument: rounded(mean(here.map(({ without }) => without.logProbability)), 3),
        };
      }),
    };
  });
}

interface Answered {
  /** mean over the answer's tokens, natural log */
  readonly logProbability: number;
  /** every token of the answer was the most probable one */
  readonly exact: boolean;
}

/** Asks for a fact in a state, and lets it go. */
export async function ask(
  run: EngineRun,
  state: StateHandle,
  fact: Fact,
  tokenizer: Tokenizer,
): Promise<Answered> {
  const question = tokenizer.encode(fact.question);
  const gold = tokenizer.encode(fact.gold);
  const options = { priority: 'chat', ...(run.request.signal && { signal: run.request.signal }) } as const;
  await run.engine.prefill(state, question, options);
  const { logProbabilities, greedy } = await run.engine.score(state, gold, options);
  await run.engine.release(state);
  return { logProbability: mean(logProbabilities), exact: greedy.every((one) => one === 1) };
}

/** `--file`'s text, or sentences about nothing. */
export async function fillerOf(
  request: BenchRequest,
  tokenizer: Tokenizer,
  tokens: number,
): Promise<Int32Array> {
  if (request.file !== undefined) return idsOfFile(request.file, tokenizer, tokens);
  // A sentence has about twelve tokens.
  return tokenizer.encode(fillerText(Math.ceil(tokens / 6))).slice(0, tokens);
}
