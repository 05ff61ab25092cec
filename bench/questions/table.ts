/**
 * Does a state of the library add anything to passages? The 2 x 2 table of research/longnet-length.md: log-probability of
 * the right answer after a fixed beginning, with and without passages, with and without the library's state.
 *
 *   node boot.mjs run bench/questions/table.ts --data DIR [--library book] [--sets moby,moby-dev] [--save]
 *
 * The library must have been read into a state before (`longleaf library add book FILE --read`), as far as wanted.
 */
import { parseArgs } from 'node:util';
import { Engines, scoreAnswer, STATE_LIMITS } from '../../src/main/app/index.ts';
import { startEngine } from '../../src/main/engine/index.ts';
import { openStore } from '../../src/main/store/index.ts';
import { blockBootstrap } from '../bootstrap.ts';
import { benchModel, environment, writeResult } from '../environment.ts';
import type { QuestionSet } from './question-set.ts';
import { readQuestionSet } from './question-set.ts';

type Answerable = Extract<QuestionSet['questions'][number], { answerable: true }>;

const CELLS = [
  { name: 'no passages, no state', passages: false, state: false },
  { name: 'no passages, state', passages: false, state: true },
  { name: 'passages, no state', passages: true, state: false },
  { name: 'passages and state', passages: true, state: true },
] as const;

interface Row {
  readonly id: string;
  /** per cell: mean log-probability of a gold token, and whether all were the most probable */
  readonly cells: readonly { readonly nats: number; readonly exact: boolean }[];
}

async function questions(names: readonly string[]): Promise<Answerable[]> {
  const sets = await Promise.all(names.map(readQuestionSet));
  return sets.flatMap((set) => set.questions.filter((question) => question.answerable));
}

function interval(values: readonly number[]): string {
  const { mean, low, high } = blockBootstrap(values, 1);
  return `${mean.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;
}

function summary(rows: readonly Row[]): Record<string, string> {
  const cell = (i: number): number[] => rows.map((row) => row.cells[i]?.nats ?? Number.NaN);
  const difference = (a: number, b: number): number[] => {
    const other = cell(b);
    return cell(a).map((value, i) => value - (other[i] ?? Number.NaN));
  };
  const lines: Record<string, string> = {};
  for (const [i, { name }] of CELLS.entries()) {
    const exact = rows.filter((row) => row.cells[i]?.exact === true).length;
    lines[name] = `${interval(cell(i))}, ${String(exact)} of ${String(rows.length)} exact`;
  }
  lines['state minus none, without passages'] = interval(difference(1, 0));
  lines['state minus none, with passages'] = interval(difference(3, 2));
  lines['passages minus none, without state'] = interval(difference(2, 0));
  return lines;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: 'string' },
      library: { type: 'string', default: 'book' },
      sets: { type: 'string', default: 'moby,moby-dev' },
      save: { type: 'boolean', default: false },
    },
  });
  if (values.data === undefined) throw new Error('Say where the library is, with --data DIR.');
  const installed = await benchModel();
  const store = await openStore({ dataFolder: values.data });
  const engines = new Engines({
    dataFolder: values.data,
    startEngine,
    defaults: { model: installed.path },
    limits: () => STATE_LIMITS,
    hashes: store,
  });
  const never = new AbortController().signal;
  try {
    const library = await store.library(values.library);
    if (library === null) throw new Error(`There is no library ${values.library} in ${values.data}.`);
    const model = await engines.load({});
    const states = await (await model.engine()).stored(library.id);
    const stateTokens = Math.max(0, ...states.map(({ position }) => position));
    const rows: Row[] = [];
    for (const { id, question, stem, gold } of await questions(values.sets.split(','))) {
      const cells = [];
      for (const { passages, state } of CELLS) {
        const request = {
          choice: {},
          libraries: [library],
          systemPrompt: '',
          turns: [],
          question,
          passagesText: undefined,
          usePassages: passages,
          useState: state,
          maxTokens: 64,
          whenFull: 'refuse',
        } as const;
        const scored = await scoreAnswer({ store, engines }, model, request, { stem, gold }, never);
        const { logProbabilities, exact } = scored;
        const sum = logProbabilities.reduce((total, one) => total + one, 0);
        cells.push({ nats: sum / logProbabilities.length, exact });
      }
      rows.push({ id, cells });
      console.log(
        `${id.padEnd(16)} ${cells.map(({ nats, exact }) => `${nats.toFixed(2)}${exact ? '*' : ' '}`).join('  ')}`,
      );
    }
    const lines = summary(rows);
    for (const [name, line] of Object.entries(lines)) console.log(`${name}: ${line}`);
    if (values.save) {
      writeResult('questions-table', {
        environment: environment(),
        model: installed.id,
        stateTokens,
        lines,
        rows,
      });
    }
  } finally {
    await engines.close();
    await store.close();
  }
}

await main();
