/** `ask "question"`: one question, one answer, with sources and receipt. */
import { resolve } from 'node:path';
import type { ConversationId } from '../../../shared/model/index.ts';
import { usageError, type Parsed } from '../arguments.ts';
import type { Command } from '../context.ts';
import { askAndShow, type Question } from '../turn.ts';

/** Those of `chat` too. */
export const questionOptions = {
  library: { type: 'string' },
  add: { type: 'string', multiple: true },
  conversation: { type: 'string' },
  'no-passages': { type: 'boolean' },
  'no-state': { type: 'boolean' },
  'max-tokens': { type: 'string' },
  temperature: { type: 'string' },
  seed: { type: 'string' },
  'when-full': { type: 'string' },
} as const;

export const ask: Command = {
  stopsItself: true,
  options: questionOptions,
  list: 'add',
  async run(args, context) {
    const { question, added } = questionOf(args);
    const answer = await askAndShow(
      context,
      { ...questionArguments(args, added), question },
      context.interrupts.signal,
    );
    if (context.json) context.output.json(answer);
  },
};

/** `ask --add BOOK "question"` reads as well as `ask "question" --add BOOK`: then the last argument is it. */
function questionOf(args: Parsed): { question: string; added: readonly string[] } {
  const added = args.texts('add');
  const [question, extra] = args.positionals;
  if (extra !== undefined)
    throw usageError(`There is one argument too many: ${extra}`, 'Put the question in quotation marks.');
  if (question !== undefined && question.trim() !== '') return { question, added };
  const last = added.length > 1 ? added.at(-1) : undefined;
  if (last === undefined || last.trim() === '')
    throw usageError(
      'The question is missing.',
      'For example: longleaf ask "What is the name of Captain Ahab\'s ship?" --library moby',
    );
  return { question: last, added: added.slice(0, -1) };
}

/** What the options say, as the contract takes it. */
export function questionArguments(args: Parsed, added: readonly string[]): Omit<Question, 'question'> {
  const conversation = args.text('conversation');
  const library = args.text('library');
  const whenFull = args.oneOf('when-full', ['refuse', 'slide']);
  return {
    ...(library === undefined ? {} : { library }),
    ...(conversation === undefined ? {} : { conversation: conversation as ConversationId }),
    ...(whenFull === undefined ? {} : { whenFull }),
    ...(added.length === 0 ? {} : { add: added.map((path) => resolve(path)) }),
    passages: !args.flag('no-passages'),
    state: !args.flag('no-state'),
    sampling: {
      maxTokens: args.integer('max-tokens', 1, 1_000_000),
      temperature: args.number('temperature', 0, 2),
      seed: args.integer('seed', 0, 0xffff_ffff),
    },
  };
}
