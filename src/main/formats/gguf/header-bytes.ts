/**
 * A GGUF header read front to back through a bounded window. Nothing is allocated for a length that the file
 * cannot hold: every read first compares what is asked for with what is left.
 */
import { readSync } from 'node:fs';
import { AppError } from '../../../shared/errors.ts';
import { malformed } from './faults.ts';
import { limits } from './limits.ts';

const windowBytes = 256 * 1024;

/** The file as a source of bytes: an open descriptor, or memory (tests, fuzzing). */
export interface ByteSource {
  readonly bytes: number;
  /** Fills `target` from `offset` on; returns the bytes read, fewer only at the end of the source. */
  read(target: Uint8Array, offset: number): number;
}

/** Reads synchronously: a header is a few MB, and one await per window would cost more than the reading. */
export function fileSource(descriptor: number, bytes: number): ByteSource {
  return {
    bytes,
    read(target, offset) {
      let filled = 0;
      while (filled < target.length) {
        const count = readSync(descriptor, target, filled, target.length - filled, offset + filled);
        if (count === 0) break;
        filled += count;
      }
      return filled;
    },
  };
}

export function memorySource(content: Uint8Array): ByteSource {
  return {
    bytes: content.length,
    read(target, offset) {
      const part = content.subarray(offset, offset + target.length);
      target.set(part);
      return part.length;
    },
  };
}

export class HeaderBytes {
  readonly #source: ByteSource;
  #window: Buffer = Buffer.allocUnsafe(0);
  /** file offset of the window's first byte */
  #windowStart = 0;
  /** file offset of the next byte */
  #position = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  get position(): number {
    return this.#position;
  }

  get fileBytes(): number {
    return this.#source.bytes;
  }

  /** bytes between here and the end of the file */
  get remaining(): number {
    return this.#source.bytes - this.#position;
  }

  uint8(what: string): number {
    const at = this.#take(1, what);
    return this.#window.readUInt8(at);
  }

  uint32(what: string): number {
    const at = this.#take(4, what);
    return this.#window.readUInt32LE(at);
  }

  uint64(what: string): bigint {
    const at = this.#take(8, what);
    return this.#window.readBigUInt64LE(at);
  }

  /**
   * A 64-bit count of things that take at least `minimumBytes` each in the file.
   * @throws AppError 'invalid-input' when the rest of the file cannot hold that many, or above `maximum`
   */
  count(what: string, minimumBytes: number, maximum: number): number {
    const value = this.uint64(what);
    if (value > BigInt(Math.floor(this.remaining / minimumBytes)))
      throw tooMany(what, value, `only ${this.remaining} bytes follow in the file`);
    if (value > BigInt(maximum)) throw tooMany(what, value, `at most ${maximum} are read`);
    return Number(value);
  }

  /** A length-prefixed string. Invalid UTF-8 becomes U+FFFD (some vocabularies hold such tokens). */
  string(what: string, maximumBytes: number): string {
    const at = this.#take(8, what);
    const low = this.#window.readUInt32LE(at);
    const high = this.#window.readUInt32LE(at + 4);
    if (high !== 0 || low > this.remaining || low > maximumBytes) {
      const length = high * 2 ** 32 + low;
      throw malformed(
        length > this.remaining
          ? `${what} claims ${length} bytes, but only ${this.remaining} follow in the file`
          : `${what} is ${length} bytes long; at most ${maximumBytes} are allowed`,
      );
    }
    const start = this.#take(low, what);
    return this.#window.toString('utf8', start, start + low);
  }

  /** A copy of the next `length` bytes, with an ArrayBuffer of its own. */
  bytes(length: number, what: string): Uint8Array {
    const start = this.#take(length, what);
    const copy = new Uint8Array(length);
    copy.set(this.#window.subarray(start, start + length));
    return copy;
  }

  /** Index in the window of the next `length` bytes, which are then behind us. */
  #take(length: number, what: string): number {
    const at = this.#position - this.#windowStart;
    if (at + length > this.#window.length) return this.#refill(length, what);
    this.#position += length;
    return at;
  }

  #refill(length: number, what: string): number {
    if (length > this.remaining)
      throw new AppError(
        'invalid-input',
        `The file ends inside its header: ${what} needs bytes ${this.#position} to ${this.#position + length}, ` +
          `but the file has ${this.fileBytes}.`,
        'The download is probably incomplete: download the file again.',
      );
    if (this.#position + length > limits.headerBytes)
      throw malformed(`the header is longer than ${limits.headerBytes} bytes (at ${what})`);
    const size = Math.min(Math.max(length, windowBytes), this.remaining);
    // Reuse the window where it fits: a fresh one for each refill would leave garbage as large as the header.
    if (this.#window.length !== size) this.#window = Buffer.allocUnsafeSlow(size);
    const filled = this.#source.read(this.#window, this.#position);
    if (filled < size)
      throw new AppError(
        'invalid-input',
        `The file became shorter while it was read (at byte ${this.#position + filled}).`,
        'Close other programs that write to it and try again.',
      );
    this.#windowStart = this.#position;
    this.#position += length;
    return 0;
  }
}

function tooMany(what: string, value: bigint, why: string): AppError {
  return malformed(`${what} is ${value}, but ${why}`);
}
