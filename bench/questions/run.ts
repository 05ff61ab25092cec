/**
 * Questions about a book, through the app: which passages were read, what was answered, what was cited.
 *
 *   node boot.mjs run bench/questions/run.ts [--set moby|moby-dev] [--rename Pequod=Quillmark] [--only ID] [--data DIR] [--save]
 *
 * With --rename the book is read from a copy in which a name is another one: an answer from memory would be wrong.
 * The set `moby` holds the 20 questions of issue 3, written before anything was tuned; `moby-dev` is for tuning.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { App } from '../../src/main/app/index.ts';
import { openApp } from '../../src/main/app/index.ts';
import { createIngest } from '../../src/main/ingest/index.ts';
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

interface Renaming {
  readonly from: string;
  readonly to: string;
}

function renaming(text: string): Renaming {
  const [from, to] = text.split('=');
  if (!from || !to) throw new Error('Say --rename OLD=NEW.');
  return { from, to };
}

/** The book's text with the name replaced everywhere, in capitals too, as a text file. */
async function renamedCopy(book: string, folder: string, { from, to }: Renaming): Promise<string> {
  const ingest = createIngest();
  try {
    for await (const entry of ingest.scan([book], { maxFileBytes: 2 ** 30 })) {
      const { text } = await ingest.extract(entry);
      const renamed = text.replaceAll(from, to).replaceAll(from.toUpperCase(), to.toUpperCase());
      const path = join(folder, 'renamed.txt');
      await writeFile(path, renamed);
      return path;
    }
  } finally {
    await ingest.close();
  }
  throw new Error(`There is no book at ${book}.`);
}

function renamedQuestions(set: QuestionSet, { from, to }: Renaming): QuestionSet {
  const renamed: unknown = JSON.parse(JSON.stringify(set.questions).replaceAll(from, to));
  return { ...set, questions: renamed as QuestionSet['questions'] };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      set: { type: 'string', default: 'moby' },
      rename: { type: 'string' },
      only: { type: 'string' },
      data: { type: 'string' },
      save: { type: 'boolean', default: false },
    },
  });
  const set = await readQuestionSet(values.set);
  const model = await benchModel();
  const dataFolder = values.data ?? (await mkdtemp(join(tmpdir(), 'longleaf-questions-')));
  const app = await openApp({ dataFolder, defaults: { model: model.path } });
  try {
    const rename = values.rename === undefined ? null : renaming(values.rename);
    const original = join(testData, set.book);
    const book = rename === null ? original : await renamedCopy(original, dataFolder, rename);
    await addLibrary(app, 'book', [book], 'never');
    const asked = rename === null ? set : renamedQuestions(set, rename);
    const wanted = asked.questions.filter(({ id }) => values.only === undefined || id === values.only);
    const results = await evaluate(app, { ...asked, questions: wanted }, 'book');
    const counts = count(results);
    for (const [name, value] of Object.entries(counts)) console.log(`${name}: ${value}`);
    if (values.save) {
      const { note } = set;
      writeResult(`questions-${values.set}${rename === null ? '' : '-renamed'}`, {
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
