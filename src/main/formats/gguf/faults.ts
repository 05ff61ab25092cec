import { AppError } from '../../../shared/errors.ts';

/** A file that contradicts itself or its size. `fault` is a clause without a capital or a full stop. */
export function malformed(fault: string): AppError {
  return new AppError(
    'invalid-input',
    `Not a usable GGUF file: ${fault}.`,
    'The file is damaged or was not written by a GGUF tool: download it again, from its original source.',
  );
}

/** A name from the file in quotes, shortened, control characters escaped. */
export function quote(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 77)}…` : name);
}
