/** Cuts a text into the words of a pre-tokenizer. */

/** characters after which a text is cut into blocks, where that is possible */
const blockTarget = 2 ** 16;
/** a block is cut anywhere beyond this: the regular expression engine's memory is bounded */
const blockLimit = 2 ** 22;

/**
 * Calls `emit` with every word, in order; the words add up to the text. Long texts are worked on in blocks: a cut
 * between a letter and a line break never lies inside a word, because no pre-tokenizer joins a letter with a line
 * break after it.
 */
export function forEachWord(text: string, patterns: readonly RegExp[], emit: (word: string) => void): void {
  forEachBlock(text, (block) => cutByPattern(block, patterns, 0, emit));
}

/** Calls `work` with every block, in order. */
export function forEachBlock(text: string, work: (block: string) => void): void {
  for (let start = 0; start < text.length;) {
    const end = endOfBlock(text, start);
    work(start === 0 && end === text.length ? text : text.slice(start, end));
    start = end;
  }
}

const letterThenBreak = /(?<=[A-Za-z])(?=\n)/g;

function endOfBlock(text: string, start: number): number {
  if (text.length - start <= blockTarget) return text.length;
  letterThenBreak.lastIndex = start + blockTarget;
  const end = letterThenBreak.exec(text)?.index ?? text.length;
  if (end - start <= blockLimit) return end;
  const forced = start + blockLimit;
  const splitsPair = /[\uD800-\uDBFF]/.test(text[forced - 1]);
  return splitsPair ? forced - 1 : forced;
}

/** Matches of pattern `stage` and the gaps between them, each cut further by the patterns after it. */
function cutByPattern(
  text: string,
  patterns: readonly RegExp[],
  stage: number,
  emit: (word: string) => void,
): void {
  if (stage === patterns.length) {
    emit(text);
    return;
  }
  const pattern = patterns[stage];
  let end = 0;
  for (;;) {
    // One expression object serves all stages of all texts: its position is set before each search.
    pattern.lastIndex = end;
    const match = pattern.exec(text);
    if (match === null) break;
    const word = match[0];
    if (match.index > end) cutByPattern(text.slice(end, match.index), patterns, stage + 1, emit);
    cutByPattern(word, patterns, stage + 1, emit);
    end = match.index + word.length;
  }
  if (end < text.length) cutByPattern(end === 0 ? text : text.slice(end), patterns, stage + 1, emit);
}
