/** Token ids of a text file, for the benches that depend on what is read. */
import { readFile } from 'node:fs/promises';
import { AppError } from '../../shared/errors.ts';
import { openGguf } from '../formats/index.ts';
import { createTokenizer } from '../tokenizer/index.ts';
import type { Tokenizer } from '../tokenizer/index.ts';
import type { BenchModel } from './types.ts';

export async function tokenizerOf(model: BenchModel): Promise<Tokenizer> {
  const file = await openGguf(model.path);
  try {
    return createTokenizer(file.metadata);
  } finally {
    await file.close();
  }
}

/**
 * The first `count` ids of a text, without BOS.
 * @throws AppError 'not-found' when the file cannot be read, 'invalid-input' when it is too short
 */
export async function idsOfFile(path: string, tokenizer: Tokenizer, count: number): Promise<Int32Array> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AppError('not-found', `${path} cannot be read: ${reason}.`, 'Check the path.', { cause });
  }
  // A token is seldom longer than 16 characters: of a huge file the rest need not be encoded.
  const ids = tokenizer.encode(text.slice(0, count * 16));
  if (ids.length < count)
    throw new AppError(
      'invalid-input',
      `${path} has ${ids.length} tokens; ${count} were asked for.`,
      'Choose a longer text, or fewer --tokens.',
    );
  return ids.slice(0, count);
}
