/**
 * The sentence that an answer without a citation ends with (app/citations.ts). In the window it is the word "none"
 * behind the answer, in the reader's language.
 */
export const NOTHING_FOUND = '\n\n(Nothing in the library was found for this answer.)';

export function hasNote(answer: string): boolean {
  return answer.endsWith(NOTHING_FOUND);
}

export function withoutNote(answer: string): string {
  return hasNote(answer) ? answer.slice(0, -NOTHING_FOUND.length) : answer;
}
