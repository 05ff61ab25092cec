/** From the messages of a branch to the turns that the prompt repeats. */
import type { Message } from '../../shared/model/index.ts';
import { withoutNote } from './citations.ts';
import type { ContextTurn } from './context.ts';

/**
 * Turns of a branch in order, as they were read: a question with its passages, and what was answered (also
 * what a stop or a crash left of it). The note about missing sources is the app's, not the model's: it comes off.
 */
export function turnsOf(branch: readonly Message[]): ContextTurn[] {
  const turns: ContextTurn[] = [];
  for (const [i, message] of branch.entries()) {
    if (message.role !== 'user') continue;
    const next = branch[i + 1];
    turns.push({
      label: `turn ${String(turns.length + 1)}`,
      passagesText: message.passagesText ?? '',
      question: message.content,
      answer: next?.role === 'assistant' ? withoutNote(next.content) : '',
    });
  }
  return turns;
}

const LONGEST_TITLE = 60;

/** The first line of a question, cut at a word. */
export function titleOf(question: string): string {
  const line = question.trim().split('\n', 1)[0]?.replace(/\s+/g, ' ') ?? '';
  if (line.length <= LONGEST_TITLE) return line === '' ? 'New chat' : line;
  const cut = line.slice(0, LONGEST_TITLE);
  const end = cut.lastIndexOf(' ');
  return `${(end > LONGEST_TITLE / 2 ? cut.slice(0, end) : cut).toWellFormed()}…`;
}
