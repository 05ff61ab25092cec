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

/** code units, about */
const LONGEST_TITLE = 60;
/** a shorter beginning says too little: rather cut a word */
const SHORTEST_CUT = 30;
/** of a question, and of one line, nothing beyond this is looked at: a whole book may have been pasted */
const LOOKED_AT = 5000;
const LOOKED_AT_LINE = 500;

/** The first line of a question that says something, without its Markdown, cut at a word; '' when none does. */
export function titleOf(question: string): string {
  const lines = question
    .slice(0, LOOKED_AT)
    .split(/\r\n|[\n\r\u2028\u2029]/u)
    .map((one) => plain(one.slice(0, LOOKED_AT_LINE)));
  const line = lines.find((one) => /[\p{L}\p{N}]/u.test(one)) ?? lines.find((one) => one !== '') ?? '';
  if (line.length <= LONGEST_TITLE) return line.toWellFormed();
  const beginning = beginningOf(line);
  const end = beginning.lastIndexOf(' ');
  const cut = end >= SHORTEST_CUT ? beginning.slice(0, end) : beginning;
  return `${cut.replace(/[\s,;:.–—-]+$/u, '').toWellFormed()}…`;
}

/** What a reader sees of a line; nothing that is not seen but changes how the rest is shown. */
function plain(line: string): string {
  return line
    .replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]+/gu, ' ')
    .replace(/^\s*(?:(?:#{1,6}|>|[-*+]|\d{1,9}[.)])\s+|(?:```|~~~)\S*)+/u, '')
    .replace(/!?\[([^\]]*)\]\([^)]*\)/gu, '$1')
    .replace(/(\*\*|__|~~|`+)(?=\S)(.+?)(?<=\S)\1/gu, '$2')
    .replace(/(?<![\p{L}\p{N}_*])([*_])(?=\S)([^*_]+)(?<=\S)\1(?![\p{L}\p{N}_*])/gu, '$2')
    .replace(/\s+/gu, ' ')
    .trim();
}

/** as many whole characters as a title has room for */
function beginningOf(line: string): string {
  let beginning = '';
  // a few characters more than fit are all that need to be looked at
  const segments = new Intl.Segmenter().segment(line.slice(0, 4 * LONGEST_TITLE));
  for (const { segment } of segments) {
    if (beginning.length + segment.length > LONGEST_TITLE) break;
    beginning += segment;
  }
  return beginning;
}
