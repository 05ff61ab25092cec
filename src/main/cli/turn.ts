/** One question and its answer in the terminal: progress until the first token, then the text as it comes. */
import type { ArgsInput, Answer } from '../../shared/rpc/index.ts';
import { AppError } from '../../shared/errors.ts';
import { autoLines, citationLines, receiptLine, sourceLines } from './answer.ts';
import type { Context } from './context.ts';
import { printable } from './output.ts';

const phases = {
  model: 'Loading the model',
  index: 'Indexing what was added',
  restore: 'Restoring the state',
  prefill: 'Reading',
} as const;

export type Question = Omit<ArgsInput<'chat.ask'>, 'model' | 'plan' | 'backend' | 'device' | 'startedAt'>;

/**
 * Asks, and shows the answer as it comes unless the result is for a program.
 * @returns the finished answer; one that was stopped has status 'stopped'
 * @throws AppError as the use case does
 */
export async function askAndShow(context: Context, question: Question, signal: AbortSignal): Promise<Answer> {
  const { session, engine, json, output, progress } = context;
  let answer: Answer | null = null;
  let written = false;
  for await (const event of session.stream('chat.ask', { ...engine, ...question }, signal)) {
    switch (event.kind) {
      case 'started':
        break;
      case 'queue':
        if (event.place > 0) progress.update(`Waiting, place ${event.place} in the queue`, 0, 0, 'tokens');
        break;
      case 'progress':
        progress.update(
          phases[event.phase],
          event.done,
          event.total,
          event.phase === 'prefill' ? 'tokens' : event.phase === 'index' ? 'files' : 'bytes',
        );
        break;
      case 'text':
        progress.clear();
        if (!json) output.write(printable(event.text));
        written = true;
        break;
      case 'done':
        answer = event.answer;
        break;
    }
  }
  progress.clear();
  if (!answer) throw new AppError('internal', 'The answer ended without its receipt.');
  if (!json) showEnd(context, answer, question, written);
  return answer;
}

function showEnd({ output }: Context, answer: Answer, question: Question, written: boolean): void {
  if (!written) output.write(printable(answer.answer));
  output.line();
  if (answer.status === 'stopped') output.line('[stopped]');
  output.line();
  for (const line of citationLines(answer.citations)) output.line(line);
  if (answer.citations.length === 0 && (question.library !== undefined || question.add !== undefined))
    output.line('No source: nothing in the library was found that supports this answer.');
  output.line(receiptLine(answer.receipt));
  for (const line of sourceLines(answer.receipt)) output.line(line);
  for (const line of autoLines(answer.receipt)) output.line(line);
}
