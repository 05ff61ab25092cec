/** Metadata of a model file by key, with type and range checked, and the errors of a file that does not fit. */
import { AppError } from '../../shared/errors.ts';
import type { GgufFile, MetadataValue } from '../formats/index.ts';

export class Metadata {
  readonly #values: ReadonlyMap<string, MetadataValue>;

  constructor(gguf: Pick<GgufFile, 'metadata'>) {
    this.#values = gguf.metadata;
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  /** @throws AppError 'invalid-input' when the value is no text */
  text(key: string): string | undefined {
    const value = this.#values.get(key);
    if (value === undefined) return undefined;
    if (typeof value !== 'string') throw invalid(`"${key}" must be a text.`);
    return value;
  }

  /** @throws AppError 'invalid-input' when it is absent without a fallback, no number, or out of range */
  real(key: string, least: number, most: number, fallback?: number): number {
    const value = this.#values.get(key) ?? fallback;
    if (value === undefined) throw invalid(`The model file does not say "${key}".`);
    const number = typeof value === 'bigint' ? Number(value) : value;
    if (typeof number !== 'number' || !(number >= least && number <= most)) {
      throw invalid(`"${key}" must be a number from ${String(least)} to ${String(most)}.`);
    }
    return number;
  }

  /** as `real`, and a whole number */
  integer(key: string, least: number, most: number, fallback?: number): number {
    const number = this.real(key, least, most, fallback);
    if (!Number.isInteger(number)) throw invalid(`"${key}" must be a whole number.`);
    return number;
  }
}

/** File contents quoted in a message: bounded, without control characters. */
export function printable(text: string): string {
  return text.slice(0, 80).replace(/[^\x20-\x7e]/g, '?');
}

export function invalid(message: string): AppError {
  return new AppError(
    'invalid-input',
    message,
    'The file is damaged or not a language model: fetch it again.',
  );
}

export function unsupported(message: string, hint?: string): AppError {
  return new AppError('unsupported', message, hint);
}
