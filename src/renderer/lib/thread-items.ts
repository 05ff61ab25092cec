/** What the list of messages is made of: a question, an answer in segments, and its foot are items of their own. */
import type { Message } from '../../shared/model/index.ts';
import { NONE_FOUND_MARK, withCitationMarks } from './markdown/citation-marks.ts';
import { segmentsOf, type Segment } from './markdown/segments.ts';
import { hasNote, withoutNote } from './answer-note.ts';

export type ThreadItem =
  | { readonly kind: 'question'; readonly key: string; readonly message: Message }
  | {
      readonly kind: 'part';
      readonly key: string;
      readonly message: Message;
      /** of the whole answer, with marks where its citations stand */
      readonly text: string;
      readonly segment: Segment;
      /** where the code block that is cut at the end of the segment begins */
      readonly openFence: number | null;
      readonly last: boolean;
    }
  | { readonly kind: 'foot'; readonly key: string; readonly message: Message }
  /** the answer has no row yet: what was asked */
  | { readonly kind: 'asked'; readonly key: string; readonly text: string }
  | { readonly kind: 'waiting'; readonly key: string };

const made = new WeakMap<Message, readonly ThreadItem[]>();

/** Remembered per message: a conversation of thousands is not laid out anew when one is added. */
export function itemsOf(message: Message): readonly ThreadItem[] {
  const known = made.get(message);
  if (known !== undefined) return known;
  const items = message.role === 'user' ? [questionItem(message)] : answerItems(message);
  made.set(message, items);
  return items;
}

function questionItem(message: Message): ThreadItem {
  return { kind: 'question', key: message.id, message };
}

function answerItems(message: Message): ThreadItem[] {
  const quotes = (message.citations ?? []).map(({ quote }) => quote);
  const marked = withCitationMarks(withoutNote(message.content), quotes);
  // Behind a code block it needs a line of its own.
  const text = hasNote(message.content)
    ? `${marked}${/[`~]$/.test(marked) ? '\n\n' : ''}${NONE_FOUND_MARK}`
    : marked;
  return [
    ...partItems(message, text, segmentsOf(text)),
    { kind: 'foot', key: `${message.id}:foot`, message },
  ];
}

/** px; few enough of that height fill a window, and even tens of thousands of them fit a page */
const HIGH = 600;

/**
 * px: the height to lay out items with before they are measured, where they are as high as the segments of a very long
 * answer are; else undefined, and the list learns from those that it measures. Rough: a line of 28 px has 75 characters.
 */
export function heightHint(items: readonly ThreadItem[]): number | undefined {
  const lengths = items.map((item) => (item.kind === 'part' ? item.segment.end - item.segment.start : 0));
  const middle = lengths.toSorted((a, b) => a - b)[lengths.length >> 1] ?? 0;
  return (28 * middle) / 75 < HIGH ? undefined : HIGH;
}

/** True when `now` is `before` with more in front of it (and perhaps behind). */
export function joinsBefore(before: readonly ThreadItem[], now: readonly ThreadItem[]): boolean {
  const [first] = before;
  return first !== undefined && now[0]?.key !== first.key && now.some(({ key }) => key === first.key);
}

/** @param segments of `text` */
export function partItems(message: Message, text: string, segments: readonly Segment[]): ThreadItem[] {
  if (text === '') return [];
  return segments.map((segment, index) => ({
    kind: 'part',
    key: `${message.id}:${String(index)}`,
    message,
    text,
    segment,
    openFence: segments[index + 1]?.fence?.start ?? segment.fence?.start ?? null,
    last: index === segments.length - 1,
  }));
}
