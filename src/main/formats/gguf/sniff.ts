/** Recognises what a file that should be a GGUF really is, so that the message can name it. */
import { AppError } from '../../../shared/errors.ts';

const kinds: readonly { readonly what: string; readonly hint: string; matches(head: Buffer): boolean }[] = [
  {
    what: 'a Git LFS pointer (a text of three lines that stands for the model)',
    hint: 'Fetch the model itself with "git lfs pull", or download it with a browser.',
    matches: (head) => head.toString('latin1', 0, 24).startsWith('version https://git-lfs'),
  },
  {
    what: 'a web page (HTML)',
    hint: 'The download led to a page, perhaps a log-in or an error page: download the file itself.',
    matches: (head) => /^\s*(<!doctype html|<html|<head|<\?xml)/i.test(head.toString('latin1', 0, 200)),
  },
  {
    what: 'a zip archive (PyTorch checkpoints are zip archives of pickles)',
    hint: 'Unpack it first, or convert the checkpoint to GGUF.',
    matches: (head) => head.toString('latin1', 0, 2) === 'PK',
  },
  {
    what: 'a Python pickle',
    hint: 'A pickle can run code when it is opened and is never read here. Get the model as GGUF.',
    matches: (head) => head.length >= 2 && head[0] === 0x80 && head[1] >= 2 && head[1] <= 5,
  },
  {
    what: 'a safetensors file',
    hint: 'Get the model as GGUF, or convert it.',
    matches: (head) => head.length > 9 && head[8] === 0x7b && head.toString('latin1', 8, 80).includes('"'),
  },
  {
    what: 'a GGML file from before GGUF (2023)',
    hint: 'Get a newer file of the model, or convert it.',
    matches: (head) => ['lmgg', 'fmgg', 'tjgg', 'algg'].includes(head.toString('latin1', 0, 4)),
  },
  {
    what: 'a gzip archive',
    hint: 'Unpack it first.',
    matches: (head) => head[0] === 0x1f && head[1] === 0x8b,
  },
  {
    what: 'a file full of zero bytes (an interrupted download leaves such files)',
    hint: 'Download it again.',
    matches: (head) => head.length >= 4 && head.every((byte) => byte === 0),
  },
];

/**
 * The error for a file without GGUF's magic number.
 * @param head first bytes of the file (256 are enough)
 */
export function notGguf(head: Buffer, fileBytes: number): AppError {
  if (fileBytes === 0)
    return new AppError('invalid-input', 'The file is empty, not a GGUF model.', 'Download it again.');
  const kind = kinds.find((candidate) => candidate.matches(head));
  if (kind !== undefined)
    return new AppError('invalid-input', `Not a GGUF model: the file is ${kind.what}.`, kind.hint);
  return new AppError(
    'invalid-input',
    `Not a GGUF model: the file (${fileBytes} bytes) does not start with "GGUF".`,
    'Choose a file that ends in .gguf and was downloaded completely.',
  );
}
