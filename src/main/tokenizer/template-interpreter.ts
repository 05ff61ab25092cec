/**
 * Runs chat templates (Jinja) that come with model files: code from strangers. The interpreter is
 * @huggingface/jinja's, which walks the syntax tree itself and reaches nothing but the values it is given. On top of
 * that every step, every value's size and the time are limited.
 */
import vm from 'node:vm';
import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';
import { AppError } from '../../shared/errors.ts';

/** A parsed template; only the interpreter looks inside. */
export type Program = object;

/**
 * What is used of the interpreter. The package's declarations import each other without file extensions, which Node's
 * module resolution reads as `any`; these give the types back.
 */
interface TemplateScope {
  set(name: string, value: unknown): unknown;
}
interface TreeWalker {
  run(program: Program): { readonly value: unknown };
  evaluate(node: object | undefined, environment: TemplateScope): { readonly value: unknown };
}
const JinjaInterpreter: new (environment: TemplateScope) => TreeWalker = Interpreter;
const JinjaEnvironment: new () => TemplateScope = Environment;
const parseTokens: (tokens: unknown) => Program = parse;

/** longest template of a known model: about 20,000 characters */
const templateLength = 200_000;
/** characters of a string value, entries of a list */
const stringLength = 2_000_000;
const listLength = 20_000;
/** syntax nodes evaluated: a turn takes about 100 */
const stepsBase = 100_000;
const stepsPerMessage = 2_000;
/** ms of wall time (V8's watchdog knows no other); a usual template takes under 5, a busy machine a tenfold of that */
const timeLimit = 2_000;

/** What a template may see. */
export interface TemplateVariables {
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly add_generation_prompt: boolean;
  readonly bos_token: string;
  readonly eos_token: string;
}

/** A template's own refusal, by its `raise_exception`. */
export class TemplateRefusal extends AppError {
  constructor(reason: string) {
    super(
      'invalid-input',
      `The model's chat template refuses this conversation: ${reason.slice(0, 200)}`,
      'The model expects other roles or another order of turns: start a new conversation.',
    );
  }
}

/** @throws AppError 'invalid-input' when the template cannot be parsed */
export function parseTemplate(source: string): Program {
  if (source.length > templateLength) throw unusable(`it is longer than ${templateLength} characters`);
  return limited(() => parseTokens(tokenize(source, { lstrip_blocks: true, trim_blocks: true })));
}

/**
 * @returns the rendered text
 * @throws TemplateRefusal, or AppError 'invalid-input' when it fails or needs more than it is allowed
 */
export function runTemplate(program: Program, variables: TemplateVariables): string {
  return limited(() => {
    const environment = new JinjaEnvironment();
    for (const [name, value] of Object.entries({ ...globals, ...variables })) environment.set(name, value);
    const steps = stepsBase + stepsPerMessage * variables.messages.length;
    const result = new LimitedInterpreter(environment, steps).run(program).value;
    if (typeof result !== 'string') throw unusable('its output is no text');
    return result;
  });
}

const globals = {
  true: true,
  false: false,
  none: null,
  True: true,
  False: false,
  None: null,
  range: limitedRange,
  strftime_now: pinnedDate,
  raise_exception(reason: unknown): never {
    throw new TemplateRefusal(String(reason));
  },
};

class LimitedInterpreter extends JinjaInterpreter {
  #stepsLeft: number;

  constructor(environment: TemplateScope, steps: number) {
    super(environment);
    this.#stepsLeft = steps;
  }

  override evaluate(node: object | undefined, environment: TemplateScope): { readonly value: unknown } {
    if (--this.#stepsLeft < 0) throw unusable('it needs too many steps');
    const result = super.evaluate(node, environment);
    const { value } = result;
    if (typeof value === 'string' && value.length > stringLength) throw unusable('it makes too long a text');
    if (Array.isArray(value) && value.length > listLength) throw unusable('it makes too long a list');
    return result;
  }
}

function limitedRange(first: number, last?: number, step = 1): number[] {
  const start = last === undefined ? 0 : first;
  const stop = last ?? first;
  const length = Math.max(0, Math.ceil((stop - start) / step));
  if (!(length <= listLength)) throw unusable('it makes too long a list');
  return Array.from({ length }, (_, i) => start + i * step);
}

const months = ['January', 'February', 'March', 'April', 'May', 'June'];
months.push('July', 'August', 'September', 'October', 'November', 'December');

/**
 * Python's strftime for one fixed day, the one that Llama 3's template falls back to: nothing that changes from day
 * to day may stand before a library, or its state would be of no use tomorrow.
 */
function pinnedDate(format: string): string {
  const [year, month, day] = [2024, 7, 26];
  const name = months[month - 1];
  const fields: Record<string, string> = {
    Y: String(year),
    y: String(year % 100),
    m: String(month).padStart(2, '0'),
    d: String(day),
    B: name,
    b: name.slice(0, 3),
    A: 'Friday',
    a: 'Fri',
    H: '00',
    M: '00',
    S: '00',
    '%': '%',
  };
  return format.replace(/%([A-Za-z%])/g, (directive, letter: string) => fields[letter] ?? directive);
}

const watchdog = new vm.Script('work()');

/**
 * Runs `work` under V8's watchdog. It stops what takes long inside a single step: a built-in that builds a huge
 * string, a regular expression that backtracks.
 */
function limited<T>(work: () => T): T {
  let result: { value: T } | undefined;
  let failure: unknown;
  // Errors are caught inside: those of the language itself would otherwise come from another realm.
  const guarded = (): void => {
    try {
      result = { value: work() };
    } catch (error) {
      failure = error;
    }
  };
  try {
    watchdog.runInNewContext({ work: guarded }, { timeout: timeLimit });
  } catch (cause) {
    throw unusable(`it takes longer than ${timeLimit} ms`, cause);
  }
  if (result !== undefined) return result.value;
  if (failure instanceof AppError) throw failure;
  if (failure instanceof RangeError) throw unusable('it is nested too deeply or too large', failure);
  throw unusable(failure instanceof Error ? failure.message.slice(0, 200) : 'it fails', failure);
}

export function unusable(why: string, cause?: unknown): AppError {
  return new AppError(
    'invalid-input',
    `The model's chat template cannot be used: ${why}.`,
    'Get the model from its original source.',
    { cause },
  );
}
