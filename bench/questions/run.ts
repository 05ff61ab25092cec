/**
 * Questions about a book, through the app: which passages were read, what was answered, what was cited.
 *
 *   node boot.mjs run bench/questions/run.ts [--set moby|moby-dev] [--book FILE] [--data DIR] [--save]
 *
 * The set `moby` holds the 20 questions of issue 3, written before anything was tuned; `moby-dev` is for tuning.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { App } from '../../src/main/app/index.ts';
import { openApp } from '../../src/main/app/index.ts';
import { benchModel, environment, writeResult } from '../environment.ts';
import { addLibrary, ask } from './ask.ts';
import type { QuestionSet } from './question-set.ts';
import { matches, readQuestionSet } from './question-set.ts';

interface Result {
  readonly id: string;
  readonly question: string;
  readonly answerable: boolean;
  readonly gold: string | null;
  readonly answer: string;
  readonly citations: readonly { path: string; lines: string; section: string; quote: string }[];
  /** the right answer stands in a passage that was read */
  readonly inPassages: boolean;
  readonly answerIsRight: boolean;
  readonly citationHoldsAnswer: boolean;
  readonly receiptAddsUp: boolean;
  readonly firstTokenMs: number;
}

const root = fileURLToPath(new URL('../../', import.meta.url));
const testData = resolve(root, process.env['LONGLEAF_TEST_DATA'] ?? '../shared/data');

async function evaluate(app: App, set: QuestionSet, library: string): Promise<Result[]> {
  const results: Result[] = [];
  for (const question of set.questions) {
    const asked = await ask(app, { question: question.question, library });
    const { offered, reused, read, pending, dropped } = asked.receipt;
    const holds = (text: string): boolean => question.answerable && matches(question.answerPattern, text);
    const result: Result = {
      id: question.id,
      question: question.question,
      answerable: question.answerable,
      gold: question.answerable ? question.answer : null,
      answer: asked.answer,
      citations: asked.citations.map(({ path, lineStart, lineEnd, section, quote }) => ({
        path,
        lines: `${String(lineStart)}-${String(lineEnd)}`,
        section: section ?? '',
        quote,
      })),
      inPassages: question.answerable && matches(question.evidencePattern, asked.passagesText),
      answerIsRight: holds(asked.answer),
      citationHoldsAnswer: asked.citations.some(({ quote }) => holds(quote)),
      receiptAddsUp: offered === reused + read + pending + dropped,
      firstTokenMs: asked.timings.firstTokenMs,
    };
    results.push(result);
    print(result);
  }
  return results;
}

function print(result: Result): void {
  const flag = (yes: boolean, name: string): string => (yes ? name : '-'.repeat(name.length));
  const verdict = result.answerable
    ? `${flag(result.inPassages, 'passage')} ${flag(result.answerIsRight, 'right')} ${flag(result.citationHoldsAnswer, 'cited')}`
    : result.citations.length === 0
      ? 'no citation (right)'
      : 'CITED (wrong)';
  const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();
  console.log(`${result.id.padEnd(16)} ${verdict.padEnd(20)} ${oneLine(result.question)}`);
  console.log(`${' '.repeat(18)}> ${oneLine(result.answer).slice(0, 200)}`);
  for (const { section, quote } of result.citations) {
    console.log(`${' '.repeat(18)}[${oneLine(section)}] ${oneLine(quote).slice(0, 200)}`);
  }
}

function count(results: readonly Result[]): Readonly<Record<string, string>> {
  const answerable = results.filter((result) => result.answerable);
  const others = results.filter((result) => !result.answerable);
  const of = (list: readonly Result[], test: (result: Result) => boolean): string =>
    `${String(list.filter(test).length)} of ${String(list.length)}`;
  return {
    rightAnswerAmongPassages: of(answerable, (result) => result.inPassages),
    citationHoldsRightAnswer: of(answerable, (result) => result.citationHoldsAnswer),
    answerIsRight: of(answerable, (result) => result.answerIsRight),
    unanswerableWithoutCitation: of(others, (result) => result.citations.length === 0),
    receiptsAddUp: of(results, (result) => result.receiptAddsUp),
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      set: { type: 'string', default: 'moby' },
      book: { type: 'string' },
      data: { type: 'string' },
      save: { type: 'boolean', default: false },
    },
  });
  const set = await readQuestionSet(values.set);
  const model = await benchModel();
  const dataFolder = values.data ?? (await mkdtemp(join(tmpdir(), 'longleaf-questions-')));
  const app = await openApp({ dataFolder, defaults: { model: model.path } });
  try {
    await addLibrary(app, 'book', [values.book ?? join(testData, set.book)], 'never');
    const results = await evaluate(app, set, 'book');
    const counts = count(results);
    for (const [name, value] of Object.entries(counts)) console.log(`${name}: ${value}`);
    if (values.save) {
      const { note } = set;
      writeResult(`questions-${values.set}`, {
        environment: environment(),
        model: model.id,
        note,
        counts,
        results,
      });
    }
  } finally {
    await app.close();
    if (values.data === undefined) await rm(dataFolder, { recursive: true, force: true });
  }
}

await main();
