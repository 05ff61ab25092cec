/**
 * A long answer is set in segments of some thousand characters, so that the list of messages mounts, parses and keeps
 * only those in view: a megabyte costs what its visible part costs. Segments end where Markdown allows it; while text
 * streams in only the last one changes.
 */
interface Fence {
  /** the line of marks that opened it: '```', '~~~~' */
  readonly marks: string;
  /** language and what else stands behind the marks */
  readonly info: string;
  /** where the line of marks begins in the whole text */
  readonly start: number;
}

/** [start, end) in UTF-16 code units. */
export interface Segment {
  readonly start: number;
  readonly end: number;
  /** the code fence that began in an earlier segment and goes on here */
  readonly fence: Fence | null;
}

/** From here on a segment ends at the next good place … */
const SIZE = 8_192;
/** … and here wherever it is. */
const MOST = 4 * SIZE;

/**
 * @param before segments of a text that `text` begins with: all but their last are kept as they are
 * @returns at least one segment; together they are the whole text
 */
export function segmentsOf(text: string, before: readonly Segment[] = []): Segment[] {
  const segments = before.slice(0, -1);
  let open: Segment = before.at(-1) ?? { start: 0, end: 0, fence: null };
  for (;;) {
    const next = text.length - open.start <= SIZE ? null : cut(text, open);
    if (next === null) break;
    segments.push({ ...open, end: next.start });
    open = next;
  }
  return [...segments, { ...open, end: text.length }];
}

/** The Markdown of a segment, as a text of its own. */
export function segmentText(text: string, { start, end, fence }: Segment): string {
  const own = text.slice(start, end);
  return fence === null ? own : `${fence.marks}${fence.info}\n${own}`;
}

/** Where the segment that begins at `open.start` ends and the next begins; null when it reaches to the end. */
function cut(text: string, open: Segment): Segment | null {
  let fence = open.fence;
  let blankBefore = false;
  for (let line = open.start; line < text.length;) {
    const stop = text.indexOf('\n', line);
    const end = stop < 0 ? text.length : stop;
    const size = line - open.start;
    const content = text.slice(line, Math.min(end, line + 200));
    if (size >= SIZE && (fence !== null || (blankBefore && beginsAnew(content))))
      return { start: line, end: line, fence };
    if (size >= MOST) return { start: line, end: line, fence };
    if (end - open.start > 2 * MOST) return { ...inLine(text, open.start + MOST), fence };
    fence = fenceAfter(fence, content, line);
    blankBefore = content.trim() === '';
    line = end + 1;
  }
  return null;
}

/** A line so long that it has to be cut: at a space, where there is one. */
function inLine(text: string, at: number): { start: number; end: number } {
  const space = text.lastIndexOf(' ', at);
  const start = space > at - SIZE ? space + 1 : safeCut(text, at);
  return { start, end: start };
}

/** not between the halves of a surrogate pair */
function safeCut(text: string, at: number): number {
  return /[\uDC00-\uDFFF]/.test(text.charAt(at)) ? at - 1 : at;
}

/** After a blank line: neither indented nor a further item, so no list goes on here. */
function beginsAnew(line: string): boolean {
  return line !== '' && !/^(?:\s|[-*+] |\d{1,9}[.)] )/.test(line);
}

function fenceAfter(fence: Fence | null, line: string, start: number): Fence | null {
  const match = /^\s*(`{3,}|~{3,})(.*)$/.exec(line);
  const marks = match?.[1];
  const info = match?.[2] ?? '';
  if (marks === undefined) return fence;
  if (fence === null) return marks.startsWith('`') && info.includes('`') ? null : { marks, info, start };
  const closes = marks[0] === fence.marks[0] && marks.length >= fence.marks.length && info.trim() === '';
  return closes ? null : fence;
}
