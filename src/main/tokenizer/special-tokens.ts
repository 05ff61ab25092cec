/** Finds the tokens of a text that are recognised before anything else: user-defined ones, and special ones if asked. */
import { tokenType } from './vocabulary.ts';
import type { Vocabulary } from './vocabulary.ts';

/** an id, or text that is still to be encoded */
export type Fragment = number | string;

interface Listed {
  readonly id: number;
  readonly token: string;
  readonly special: boolean;
  readonly stripsAfter: boolean;
}

/** Phi 3's tokens that keep the white space after them all the same (llama.cpp, llama-vocab.cpp). */
const neverStrip: readonly string[] = ['<unk>', '<s>', '<|endoftext|>'];

export class SpecialTokens {
  readonly #listed: readonly Listed[];
  readonly #anyPlain: RegExp | null;
  readonly #anySpecial: RegExp | null;

  /** @param options.stripsAfter white space after a token that is recognised belongs to it */
  constructor(vocabulary: Vocabulary, options: { stripsAfter: boolean } = { stripsAfter: false }) {
    const { tokens, types } = vocabulary;
    const listed: Listed[] = [];
    tokens.forEach((token, id) => {
      const type = types[id];
      const special = type === tokenType.control || type === tokenType.unknown;
      if ((special || type === tokenType.userDefined) && token !== '') {
        const stripsAfter = options.stripsAfter && !neverStrip.includes(token);
        listed.push({ id, token, special, stripsAfter });
      }
    });
    // The longest first, as in llama.cpp; lengths there are in bytes.
    this.#listed = listed.toSorted((a, b) => Buffer.byteLength(b.token) - Buffer.byteLength(a.token));
    this.#anyPlain = anyOf(this.#listed.filter(({ special }) => !special));
    this.#anySpecial = anyOf(this.#listed);
  }

  /**
   * @param special true: control and unknown tokens are recognised too
   * @returns fragments whose texts add up to `text`, but for stripped white space; no text is empty
   */
  split(text: string, special: boolean): Fragment[] {
    const present = special ? this.#anySpecial : this.#anyPlain;
    if (text === '') return [];
    if (present === null || !present.test(text)) return [text];
    let fragments: Fragment[] = [text];
    for (const listed of this.#listed) {
      if (listed.special && !special) continue;
      fragments = fragments.flatMap((fragment) =>
        typeof fragment === 'number' ? fragment : cut(fragment, listed),
      );
    }
    return fragments;
  }
}

function anyOf(listed: readonly Listed[]): RegExp | null {
  if (listed.length === 0) return null;
  return new RegExp(listed.map(({ token }) => escapePattern(token)).join('|'), 'u');
}

function escapePattern(token: string): string {
  return token.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

function cut(text: string, { token, id, stripsAfter }: Listed): Fragment[] {
  if (!text.includes(token)) return [text];
  return text.split(token).flatMap((part, index) => {
    const before: Fragment[] = index === 0 ? [] : [id];
    const rest = stripsAfter && index > 0 ? part.replace(/^[ \t\n\v\f\r]+/, '') : part;
    return rest === '' ? before : [...before, rest];
  });
}
