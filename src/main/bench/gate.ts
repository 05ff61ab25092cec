/**
 * `bench recall --gate`: the far-reading gate (design section 3). Does a state of a document add anything to passages
 * of it, on invented facts further away than the dense range? A model that passes reads libraries into a state by
 * itself (`library.read = auto`).
 */
import { AppError } from '../../shared/errors.ts';
import { termsOf } from '../../shared/text/terms.ts';
import type { StateHandle } from '../engine/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';
import { commonFigures, emptyState, withEngine } from './engine-run.ts';
import type { EngineRun } from './engine-run.ts';
import { documentWith, inventFacts } from './facts.ts';
import type { Fact } from './facts.ts';
import { ask, fillerOf } from './recall.ts';
import { meanInterval, rounded } from './statistics.ts';
import { tokenizerOf } from './text-ids.ts';
import type { BenchRequest, BenchResult } from './types.ts';

export interface GateSize {
  /** facts must be further away than this, in tokens, to count for the gate */
  readonly far: number;
  /** of these; two facts each */
  readonly farDistances: number;
  readonly passageTokens: number;
}

/** As the gate of the default model was measured (research/longnet-length.md, section 3). */
const fullSize: GateSize = { far: 8192, farDistances: 12, passageTokens: 300 };
const perDistance = 2;
const passagesShown = 3;

/** What resources/models.json and the data folder hold of a model (app/far-reading.ts). */
export interface FarReadingFigures {
  readonly passed: boolean;
  readonly measure: string;
  readonly difference: number;
  readonly interval95: [number, number];
  readonly facts: number;
  readonly overall: {
    readonly difference: number;
    readonly interval95: [number, number];
    readonly facts: number;
  };
  readonly conditions: string;
}

export type GateResult = BenchResult & { readonly farReading: FarReadingFigures };

/**
 * Reads a document of `tokens` (24k) tokens with invented facts in it, then asks for each: with three passages of the
 * document before the question, once after the document's state and once without it.
 * @throws AppError 'usage' for a document that is too short to have anything far away
 */
export async function benchGate(request: BenchRequest, size = fullSize): Promise<GateResult> {
  const { far } = size;
  const tokens = request.tokens ?? 3 * far;
  if (tokens < 1.25 * far) {
    throw new AppError('usage', `The gate needs at least ${1.25 * far} tokens.`, 'Raise --tokens.');
  }
  const tokenizer = await tokenizerOf(request.model);
  const distances = [far / 8, far / 2, ...spread(1.03 * far, 0.95 * tokens, size.farDistances)];
  const facts = inventFacts(distances, perDistance);
  const document = documentWith(facts, await fillerOf(request, tokenizer, tokens), tokens, tokenizer);
  const passages = passagesOf(document, tokenizer, size.passageTokens);
  return withEngine(request, { plan: 'adapted', ownPlan: true, maxMemoryMB: 8000 }, async (run) => {
    const state = await emptyState(run);
    await run.engine.prefill(state, document, {
      priority: 'chat',
      onProgress: ({ done, total }) => request.onProgress?.(done, total, 'reading'),
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
    const differences: { readonly distance: number; readonly difference: number; readonly found: boolean }[] =
      [];
    for (const fact of facts) {
      const shown = bestPassages(passages, fact.question);
      const withState = await answered(run, await run.engine.fork(state), shown, fact, tokenizer);
      const alone = await answered(run, await emptyState(run), shown, fact, tokenizer);
      const found = shown.some((passage) => passage.includes(fact.statement.trim()));
      differences.push({ distance: fact.distance, difference: withState - alone, found });
      request.onProgress?.(differences.length, facts.length, 'asking');
    }
    const farReading = figuresOf(differences, size, tokens, run.plan.name);
    return {
      ...(await commonFigures('recall', run)),
      contextTokens: tokens,
      tokensPerSecond: null,
      passagesWithTheAnswer: differences.filter(({ found }) => found).length,
      farReading,
    };
  });
}

function spread(from: number, to: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.floor(from + ((to - from) * i) / (count - 1)));
}

function figuresOf(
  differences: readonly { readonly distance: number; readonly difference: number }[],
  { far, passageTokens }: GateSize,
  tokens: number,
  plan: string,
): FarReadingFigures {
  const interval = (values: readonly number[]) => {
    const { mean: difference, low, high } = meanInterval(values);
    const interval95: [number, number] = [rounded(low, 3), rounded(high, 3)];
    return { difference: rounded(difference, 3), interval95, facts: values.length };
  };
  const distant = interval(
    differences.filter(({ distance }) => distance > far).map(({ difference }) => difference),
  );
  return {
    passed: distant.interval95[0] > 0,
    measure:
      'log-probability of the right answer, nat per token: state and passages minus passages alone; invented facts ' +
      `more than ${String(far)} tokens away`,
    ...distant,
    overall: interval(differences.map(({ difference }) => difference)),
    conditions:
      `bench recall --gate: document of ${String(tokens)} tokens, plan ${plan}; ${String(passagesShown)} passages ` +
      `of ${String(passageTokens)} tokens by BM25`,
  };
}

async function answered(
  run: EngineRun,
  state: StateHandle,
  passages: readonly string[],
  fact: Fact,
  tokenizer: Tokenizer,
): Promise<number> {
  const question = `\n\nPassages:\n\n${passages.join('\n\n')}${fact.question}`;
  return (await ask(run, state, { ...fact, question }, tokenizer)).logProbability;
}

function passagesOf(document: Int32Array, tokenizer: Tokenizer, length: number): readonly string[] {
  const passages: string[] = [];
  for (let start = 0; start < document.length; start += length) {
    passages.push(tokenizer.decode(document.subarray(start, start + length)));
  }
  return passages;
}

/** BM25 (k1 = 1.2, b = 0: passages are equally long) over the question's words. */
function bestPassages(passages: readonly string[], question: string): readonly string[] {
  const asked = new Set(termsOf(question).map(({ text }) => text));
  const counts = passages.map((passage) => {
    const count = new Map<string, number>();
    for (const { text } of termsOf(passage)) if (asked.has(text)) count.set(text, (count.get(text) ?? 0) + 1);
    return count;
  });
  const weight = new Map(
    [...asked].map((word) => {
      const holding = counts.filter((count) => count.has(word)).length;
      return [word, Math.log(1 + (passages.length - holding + 0.5) / (holding + 0.5))];
    }),
  );
  const score = (count: ReadonlyMap<string, number>): number =>
    [...count].reduce((sum, [word, n]) => sum + ((weight.get(word) ?? 0) * n * 2.2) / (n + 1.2), 0);
  return passages
    .map((passage, i) => ({ passage, i, score: score(counts[i] ?? new Map()) }))
    .toSorted((a, b) => b.score - a.score || a.i - b.i)
    .slice(0, passagesShown)
    .map(({ passage }) => passage);
}
