/** Ids to text, piece by piece: text comes out as soon as its characters are whole. */
import type { TokenBytes } from './token-bytes.ts';

export class IncrementalDecoder {
  readonly #bytes: TokenBytes;
  readonly #special: boolean;
  #dropSpace: boolean;
  // fatal: false: bytes that never become a character come out as U+FFFD; a leading U+FEFF is text
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  /** @param options.dropSpace the first token's leading space is the encoder's prefix, not text */
  constructor(bytes: TokenBytes, options: { special: boolean; dropSpace: boolean }) {
    this.#bytes = bytes;
    this.#special = options.special;
    this.#dropSpace = options.dropSpace;
  }

  push(id: number): string {
    let bytes = this.#bytes.of(id, this.#special);
    if (bytes.length === 0) return '';
    if (this.#dropSpace && bytes[0] === 0x20) bytes = bytes.subarray(1);
    this.#dropSpace = false;
    return this.#decoder.decode(bytes, { stream: true });
  }

  /** What is left: an incomplete character as U+FFFD. */
  end(): string {
    return this.#decoder.decode();
  }
}
