/** What the forward passes of all backends that compute in chunks begin with, and do between layers. */
import { AppError } from '../../shared/errors.ts';
import type { ForwardOptions } from './runtime.ts';

/** @throws AppError 'internal' for more or fewer rows than can be run at once, 'invalid-input' for an id of no token */
export function checkChunk(ids: Int32Array, vocabulary: number, maxRows: number): void {
  if (ids.length < 1 || ids.length > maxRows)
    throw new AppError(
      'internal',
      `A chunk of ${String(ids.length)} rows; 1 to ${String(maxRows)} can be run.`,
    );
  const foreign = ids.find((id) => id < 0 || id >= vocabulary);
  if (foreign !== undefined)
    throw new AppError(
      'invalid-input',
      `Token id ${String(foreign)} is outside the model's vocabulary of ${String(vocabulary)}.`,
      'Tokenise with the tokenizer of the same model file.',
    );
}

/** Between layers: cancelled work ends here, other work of the process runs here. */
export async function letOthersIn({ betweenLayers, signal }: ForwardOptions): Promise<void> {
  await betweenLayers?.();
  if (signal?.aborted === true) throw new AppError('interrupted', 'The computation was cancelled.');
}
