/** A table's one section is headed by its columns, so that each passage of rows says what its fields are. */
import type { Section } from '../types.ts';

const mostCharacters = 200;

export function tableSections(text: string): readonly Section[] {
  const end = text.indexOf('\n');
  const first = (end < 0 ? text : text.slice(0, end)).replaceAll('\t', ', ').trim();
  // a row of numbers is no head
  const isHead = /\p{L}/u.test(first) && first.length <= 4 * mostCharacters && end >= 0;
  return [{ start: 0, end: text.length, headings: isHead ? [first.slice(0, mostCharacters)] : [] }];
}
