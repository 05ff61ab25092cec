/** Token ids of documents of any length, without standing in the way of everything else that this process does. */
import { setImmediate as turn } from 'node:timers/promises';
import type { Tokenizer } from '../tokenizer/index.ts';

/** code units that are encoded at a time: some ten milliseconds */
const PIECE = 100_000;
/** how far a place is looked for at which a cut changes nothing */
const LOOK_AHEAD = 100_000;
/**
 * Byte-level tokenizers look at words with the one space before them, and at line ends apart from them: between a line
 * end and the word after it, or a word and the space after it, two words never become one token.
 */
const JOINT = /(?<=\S\n)(?=[A-Za-z])|(?<=[A-Za-z])(?= [A-Za-z])/g;

/**
 * The same ids as `tokenizer.encode(text)`, with turns for others in between. A text without any joint for a long
 * stretch (one endless word) is cut there all the same.
 * @throws the reason of `signal`
 */
export async function encodeText(
  tokenizer: Pick<Tokenizer, 'encode' | 'kind'>,
  text: string,
  signal?: AbortSignal,
): Promise<Int32Array> {
  // SentencePiece puts a space before each text: pieces of one would not be the text.
  if (text.length <= PIECE || tokenizer.kind !== 'bpe') return tokenizer.encode(text);
  const pieces: Int32Array[] = [];
  for (let from = 0; from < text.length;) {
    const to = pieceEnd(text, from + PIECE);
    pieces.push(tokenizer.encode(text.slice(from, to)));
    from = to;
    await turn();
    signal?.throwIfAborted();
  }
  return concatenated(pieces);
}

function pieceEnd(text: string, wanted: number): number {
  if (wanted >= text.length) return text.length;
  JOINT.lastIndex = 1;
  const found = JOINT.exec(text.slice(wanted - 1, wanted + LOOK_AHEAD));
  if (found !== null) return wanted - 1 + found.index;
  const end = Math.min(text.length, wanted + LOOK_AHEAD);
  const code = text.charCodeAt(end);
  // never between the halves of a surrogate pair
  return code >= 0xdc00 && code <= 0xdfff ? end - 1 : end;
}

function concatenated(pieces: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
