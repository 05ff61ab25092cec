/** Finds the tokens of a text that are recognised before anything else: user-defined ones, and special ones if asked. */
import { tokenType } from './vocabulary.ts';
import type { Vocabulary } from './vocabulary.ts';

/** an id, or text that is still to be encoded */
export type Fragment = number | string;

interface Listed {
  readonly id: number;
  readonly token: string;
  readonly special: boolean;
}

export class SpecialTokens {
  readonly #listed: readonly Listed[];
  readonly #anyPlain: RegExp | null;
  readonly #anySpecial: RegExp | null;

  constructor(vocabulary: Vocabulary) {
    const { tokens, types } = vocabulary;
    const listed: Listed[] = [];
    tokens.forEach((token, id) => {
      const type = types[id];
      const special = type === tokenType.control || type === tokenType.unknown;
      if ((special || type === tokenType.userDefined) && token !== '') listed.push({ id, token, special });
    });
    // The longest first, as in llama.cpp; lengths there are in bytes.
    this.#listed = listed.toSorted((a, b) => Buffer.byteLength(b.token) - Buffer.byteLength(a.token));
    this.#anyPlain = anyOf(this.#listed.filter(({ special }) => !special));
    this.#anySpecial = anyOf(this.#listed);
  }

  /**
   * @param special true: control and unknown tokens are recognised too
   * @returns fragments whose texts add up to `text`; no text is empty
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

function cut(text: string, { token, id }: Listed): Fragment[] {
  if (!text.includes(token)) return [text];
  return text.split(token).flatMap((part, index) => {
    const before: Fragment[] = index === 0 ? [] : [id];
    return part === '' ? before : [...before, part];
  });
}
