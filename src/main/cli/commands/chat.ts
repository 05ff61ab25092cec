/** `chat [--library NAME]`: the terminal chat. Ctrl-C stops an answer; twice leaves. */
import { createInterface } from 'node:readline';
import { AppError } from '../../../shared/errors.ts';
import type { Answer } from '../../../shared/rpc/index.ts';
import { expectPositionals } from '../arguments.ts';
import { sourceLines } from '../answer.ts';
import type { Command, Context } from '../context.ts';
import { formatError } from '../output.ts';
import { prompt } from '../prompt.ts';
import { askAndShow } from '../turn.ts';
import { questionArguments, questionOptions } from './ask.ts';

const chatHelp = `/new            begin a new conversation
/library NAME   talk with this library, in a new conversation
/receipt        what the last answer was made from, per source
/help           this list
/quit           leave (or Ctrl-D)`;

interface Talk {
  library: string | undefined;
  conversation: string | undefined;
  last: Answer | undefined;
}

export const chat: Command = {
  stopsItself: true,
  options: questionOptions,
  list: 'add',
  async run(args, context) {
    expectPositionals(args, []);
    const base = questionArguments(args, args.texts('add'));
    const talk: Talk = { library: base.library, conversation: base.conversation, last: undefined };
    if (process.stdin.isTTY) greet(context, talk);
    let added = base.add;
    for await (const line of questions(context)) {
      if (line.startsWith('/')) {
        if (command(line, talk, context) === 'quit') return;
        continue;
      }
      const answer = await answerOne(context, {
        ...base,
        ...(talk.library === undefined ? {} : { library: talk.library }),
        ...(talk.conversation === undefined ? {} : { conversation: talk.conversation }),
        // attachments belong to the conversation once they are in it
        ...(added === undefined ? {} : { add: added }),
        question: line,
      });
      if (context.interrupts.signal.aborted) return;
      if (!answer) continue;
      added = undefined;
      talk.conversation = answer.conversationId;
      talk.last = answer;
    }
  },
};

function greet({ output }: Context, { library }: Talk): void {
  const about = library === undefined ? '' : ` with ${library}`;
  output.note(`Longleaf chat${about}. /help lists the commands; Ctrl-C stops an answer, twice leaves.`);
}

/** One answer; an error in one turn is shown and does not end the chat. Null when there is no answer. */
async function answerOne(
  context: Context,
  question: Parameters<typeof askAndShow>[1],
): Promise<Answer | null> {
  const stop = new AbortController();
  const release = context.interrupts.capture(() => {
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
  });
  try {
    const answer = await askAndShow(
      context,
      question,
      AbortSignal.any([stop.signal, context.interrupts.signal]),
    );
    if (context.json) context.output.json(answer);
    return answer;
  } catch (error) {
    context.progress.clear();
    if (!(error instanceof AppError)) throw error;
    context.output.note(error.code === 'interrupted' ? '[stopped]' : formatError(error));
    if (!process.stdin.isTTY && error.code !== 'interrupted') throw error;
    return null;
  } finally {
    release();
  }
}

/** Lines to answer: typed ones with a prompt, or those of a pipe. */
async function* questions({ interrupts }: Context): AsyncGenerator<string> {
  if (!process.stdin.isTTY) {
    for await (const line of createInterface({ input: process.stdin })) {
      if (line.trim() !== '') yield line.trim();
    }
    return;
  }
  for (;;) {
    const line = await prompt(interrupts.signal, process.stdin, process.stderr);
    if (line === null) return;
    if (line.trim() !== '') yield line.trim();
  }
}

function command(line: string, talk: Talk, { output }: Context): 'quit' | undefined {
  const [name, ...rest] = line.split(/\s+/);
  switch (name) {
    case '/quit':
    case '/exit':
      return 'quit';
    case '/new':
      talk.conversation = undefined;
      output.note('A new conversation.');
      return undefined;
    case '/library':
      talk.library = rest.join(' ') || undefined;
      talk.conversation = undefined;
      output.note(talk.library === undefined ? 'No library.' : `A new conversation with ${talk.library}.`);
      return undefined;
    case '/receipt':
      if (!talk.last) output.note('No answer yet.');
      else
        output.note(
          [JSON.stringify(talk.last.receipt, null, 2), ...sourceLines(talk.last.receipt)].join('\n'),
        );
      return undefined;
    default:
      output.note(chatHelp);
      return undefined;
  }
}
