/** GPT-2's vocabulary cut down to its first merges: shows where words are cut, and loads in milliseconds. */
import { byteCharacters } from '../byte-level.ts';

const mergesKept = 2000;

/**
 * @param merges of the whole vocabulary, best first
 * @param pre value of `tokenizer.ggml.pre`
 */
export function smallGpt2Metadata(
  merges: readonly string[],
  pre: string,
): Record<string, string | number | readonly string[] | Int32Array> {
  const kept = merges.slice(0, mergesKept);
  const tokens = [...byteCharacters, ...kept.map((merge) => merge.replace(' ', '')), '<|endoftext|>'];
  return {
    'general.architecture': 'gpt2',
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': pre,
    'tokenizer.ggml.tokens': tokens,
    'tokenizer.ggml.token_type': Int32Array.from(tokens, (_, id) => (id === tokens.length - 1 ? 3 : 1)),
    'tokenizer.ggml.merges': kept,
    'tokenizer.ggml.bos_token_id': tokens.length - 1,
    'tokenizer.ggml.eos_token_id': tokens.length - 1,
  };
}
